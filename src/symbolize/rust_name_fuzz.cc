// Any text is a Rust name of bounded length, or none.
#include <cstdint>
#include <string_view>

#include "symbolize/rust_name.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto name = tidemark::DemangleRustV0(text);
  if (name && name->size() > 4096) __builtin_trap();
  const auto legacy = tidemark::DecodeRustLegacy(text);
  if (legacy && legacy->size() > size) __builtin_trap();
  return 0;
}
