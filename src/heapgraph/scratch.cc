#include "heapgraph/scratch.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kHugePage = uint64_t{2} << 20;

Error NoMemory(uint64_t bytes) {
  return TooLarge("no memory for " + std::to_string(bytes) + " bytes: " + std::strerror(errno));
}

std::span<std::byte> Mapped(void* memory, uint64_t bytes) {
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  return {static_cast<std::byte*>(memory), bytes};
}

}  // namespace

Result<std::span<std::byte>> HeapScratch::Allocate(uint64_t bytes) {
  if (bytes == 0) return std::span<std::byte>();
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return NoMemory(bytes);
  now_ += bytes;
  peak_ = std::max(peak_, now_);
  return Mapped(memory, bytes);
}

Result<std::span<std::byte>> HeapScratch::Resize(std::span<std::byte> bytes, uint64_t new_bytes) {
  if (bytes.empty()) return Allocate(new_bytes);
  if (new_bytes == 0) {
    Release(bytes);
    return std::span<std::byte>();
  }
  void* memory = mremap(bytes.data(), bytes.size(), new_bytes, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) return NoMemory(new_bytes);
  now_ += new_bytes - bytes.size();
  peak_ = std::max(peak_, now_);
  return Mapped(memory, new_bytes);
}

void HeapScratch::Release(std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  now_ -= bytes.size();
  munmap(bytes.data(), bytes.size());
}

}  // namespace tidemark::heapgraph
