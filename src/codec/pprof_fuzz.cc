#include <cstdint>

#include "codec/pprof.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  tidemark::PprofLimits limits;
  limits.max_inflated_bytes = 1 << 20;
  const auto profile = tidemark::DecodeProfile(bytes, limits);
  if (!profile) return 0;
  if (!tidemark::Validate(*profile)) __builtin_trap();
  const auto again = tidemark::DecodeProfile(tidemark::EncodePprof(*profile));
  if (!again || again->samples.size() != profile->samples.size()) __builtin_trap();
  return 0;
}
