#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace tidemark {

uint64_t Hash64(std::string_view bytes, uint64_t seed) {
  const uint64_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed).low64;
  return hash != 0 ? hash : 1;
}

uint64_t HashCombine(uint64_t seed, uint64_t value) {
  return Hash64({reinterpret_cast<const char*>(&value), sizeof value}, seed);
}

}  // namespace tidemark
