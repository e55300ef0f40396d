#include "heapgraph/scratch.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string>

namespace tidemark::heapgraph {

namespace {
constexpr uint64_t kAlignment = 64;
uint64_t Rounded(uint64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
}  // namespace

Result<std::span<std::byte>> HeapScratch::Allocate(uint64_t bytes) {
  if (bytes == 0) return std::span<std::byte>();
  void* memory = std::aligned_alloc(kAlignment, Rounded(bytes));
  if (memory == nullptr) return TooLarge("no memory for " + std::to_string(bytes) + " bytes");
  std::memset(memory, 0, bytes);
  now_ += bytes;
  peak_ = std::max(peak_, now_);
  return std::span(static_cast<std::byte*>(memory), bytes);
}

void HeapScratch::Release(std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  now_ -= bytes.size();
  std::free(bytes.data());
}

}  // namespace tidemark::heapgraph
