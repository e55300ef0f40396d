// Heap profiles as text: gperftools and tcmalloc ("heap profile: ..."), Go's debug=1 form of it,
// and jemalloc's heap_v2.
#pragma once

#include <string_view>

#include "base/result.h"
#include "model/profile.h"

namespace tidemark::codec {

// True when `bytes` begins like one of the text formats.
bool LooksLikeHeapText(std::string_view bytes);

// Reads one. Sampled profiles come out scaled to estimates of all allocations; addresses are return
// addresses less 1; the event time is 0, because the formats have none. Errors: invalid argument
// with the line, resource exhausted beyond `max_entries` samples, frames and mappings.
Result<Profile> DecodeHeapText(std::string_view text, size_t max_entries);

// Count and bytes of one stack, from a sample that takes on average one allocation in `period`
// bytes.
struct CountAndBytes {
  int64_t count = 0;
  int64_t bytes = 0;
};

// Each divided by the chance that an allocation of the mean size is sampled, 1 - exp(-mean/period):
// google/pprof, profile/legacy_profile.go, scaleHeapSample. 1 object of 1024 bytes at period 524288
// stands for 512 (512.5 unrounded). period <= 1 means that everything was recorded.
CountAndBytes Unsample(CountAndBytes sampled, int64_t period);

}  // namespace tidemark::codec
