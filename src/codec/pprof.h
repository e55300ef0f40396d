// pprof profiles (google/pprof proto/profile.proto) and the text heap profiles that tools write
// beside it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/profile.h"

namespace tidemark {

struct PprofLimits {
  size_t max_inflated_bytes = 256 << 20;
  size_t max_table_entries = 8'000'000;  // samples + locations + functions + strings
};

// Reads a profile: gzip or not, protobuf; else gperftools or jemalloc text (sampled text profiles
// come out unsampled). The result is valid (Validate). Errors: invalid argument with the byte
// offset or line and what was there, resource exhausted when a limit is crossed.
Result<Profile> DecodeProfile(std::string_view bytes, const PprofLimits& limits = {});

// Writes gzipped pprof that `go tool pprof` reads. `profile` must be valid.
std::string EncodePprof(const Profile& profile);

}  // namespace tidemark
