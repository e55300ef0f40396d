// Small things that readers of memory images share.
#pragma once

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <vector>

#include "goheap/memory_image.h"

namespace tidemark::goheap {

inline std::string Hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

// Addresses and lengths out of a slice of pointers, in pieces, so that a lying length costs
// nothing.
template <typename Take>
bool EachPointer(const MemoryImage& image, uint64_t array, uint64_t count, Take take) {
  std::vector<uint64_t> part;
  for (uint64_t done = 0; done < count; done += part.size()) {
    part.resize(std::min<uint64_t>(count - done, 8192));
    if (!image.Read(array + done * 8, std::as_writable_bytes(std::span(part)))) return false;
    for (const uint64_t pointer : part) take(pointer);
  }
  return true;
}

}  // namespace tidemark::goheap
