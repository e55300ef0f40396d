// Gzip and zlib streams in memory, with a limit on what they may grow to.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark {

// True when `bytes` begins with the gzip magic 1f 8b.
bool LooksLikeGzip(std::string_view bytes);

// Inflates a gzip stream (all members of it). Errors: invalid argument when the stream is damaged
// or cut short, resource exhausted (not retryable) as soon as the output would exceed `max_bytes`.
Result<std::string> Gunzip(std::string_view bytes, size_t max_bytes);

// Deflates into one gzip member, level 1 (fast) to 9 (small).
std::string Gzip(std::string_view bytes, int level = 6);

}  // namespace tidemark
