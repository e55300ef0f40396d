// 64-bit content hashes: ids that any writer computes alike, so that writers need no coordination.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemark {

// The low 64 bits of XXH3-128 over `bytes`; never 0, because 0 means "none" wherever an id is kept.
uint64_t Hash64(std::string_view bytes, uint64_t seed = 0);

// Hash of the sequence (seed, value): order matters.
uint64_t HashCombine(uint64_t seed, uint64_t value);

}  // namespace tidemark
