#include "heapgraph/scratch.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kPage = 4096, kHugePage = uint64_t{2} << 20;

// Large blocks are whole huge pages, which Linux then aligns to them, and moves as such.
uint64_t Rounded(uint64_t bytes) {
  const uint64_t unit = bytes >= kHugePage ? kHugePage : kPage;
  return (bytes + unit - 1) / unit * unit;
}

Error NoMemory(uint64_t bytes) {
  return TooLarge("no memory for " + std::to_string(bytes) + " bytes: " + std::strerror(errno));
}

std::span<std::byte> Mapped(void* memory, uint64_t bytes) {
  if (bytes >= kHugePage) madvise(memory, bytes, MADV_HUGEPAGE);
  return {static_cast<std::byte*>(memory), bytes};
}

}  // namespace

HeapScratch::~HeapScratch() { Trim(); }

void HeapScratch::Trim() {
  const std::lock_guard lock(mutex_);
  for (const auto& block : kept_) munmap(block.data(), block.size());
  kept_.clear();
}

// Joins it with those that lie before and behind it. Called under the lock.
void HeapScratch::Keep(std::span<std::byte> block) {
  for (auto other = kept_.begin(); other != kept_.end();) {
    if (other->data() + other->size() == block.data()) {
      block = {other->data(), other->size() + block.size()};
    } else if (block.data() + block.size() == other->data()) {
      block = {block.data(), block.size() + other->size()};
    } else {
      ++other;
      continue;
    }
    other = kept_.erase(other);
  }
  kept_.push_back(block);
}

// The smallest kept block that is large enough, cut to size; else the largest, grown. Empty when
// nothing is kept or it does not grow.
std::span<std::byte> HeapScratch::TakeKept(uint64_t bytes) {
  std::unique_lock lock(mutex_);
  auto best = kept_.end();
  for (auto block = kept_.begin(); block != kept_.end(); ++block) {
    const bool fits = block->size() >= bytes;
    const bool best_fits = best != kept_.end() && best->size() >= bytes;
    const bool smaller = best != kept_.end() && block->size() < best->size();
    if (best == kept_.end() || (fits && !best_fits) || (fits == best_fits && fits == smaller)) {
      best = block;
    }
  }
  if (best == kept_.end()) return {};
  const std::span<std::byte> block = *best;
  kept_.erase(best);
  if (block.size() >= bytes) {
    if (block.size() > bytes) Keep(block.subspan(bytes));
    lock.unlock();
    std::memset(block.data(), 0, bytes);
    return block.first(bytes);
  }
  lock.unlock();
  void* memory = mremap(block.data(), block.size(), bytes, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) {
    munmap(block.data(), block.size());
    return {};
  }
  std::memset(memory, 0, block.size());
  return Mapped(memory, bytes);
}

Result<std::span<std::byte>> HeapScratch::Allocate(uint64_t bytes) {
  if (bytes == 0) return std::span<std::byte>();
  std::span<std::byte> block;
  if (bytes >= kHugePage) block = TakeKept(Rounded(bytes));
  if (block.empty()) {
    void* memory = mmap(nullptr, Rounded(bytes), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return NoMemory(bytes);
    block = Mapped(memory, Rounded(bytes));
  }
  Count(bytes);
  return block.first(bytes);
}

// `added` may be below zero, wrapped.
void HeapScratch::Count(uint64_t added) {
  const std::lock_guard lock(mutex_);
  now_ += added;
  peak_ = std::max(peak_, now_);
}

// What mremap does, for a block that was put together from several mappings, which it refuses.
Result<std::span<std::byte>> HeapScratch::Moved(std::span<std::byte> bytes, uint64_t new_bytes) {
  TIDEMARK_ASSIGN_OR_RETURN(const auto block, Allocate(new_bytes));
  std::memcpy(block.data(), bytes.data(), std::min<uint64_t>(bytes.size(), new_bytes));
  Release(bytes);
  return block;
}

Result<std::span<std::byte>> HeapScratch::Resize(std::span<std::byte> bytes, uint64_t new_bytes) {
  if (bytes.empty()) return Allocate(new_bytes);
  if (new_bytes == 0) {
    Release(bytes);
    return std::span<std::byte>();
  }
  const uint64_t old_bytes = Rounded(bytes.size());
  void* memory = mremap(bytes.data(), old_bytes, Rounded(new_bytes), MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) return Moved(bytes, new_bytes);
  if (new_bytes > bytes.size()) {  // what an earlier, larger array left there
    std::memset(static_cast<std::byte*>(memory) + bytes.size(), 0,
                std::min(old_bytes, new_bytes) - bytes.size());
  }
  Count(new_bytes - bytes.size());
  return Mapped(memory, Rounded(new_bytes)).first(new_bytes);
}

void HeapScratch::Release(std::span<std::byte> bytes) {
  if (bytes.empty()) return;
  const std::lock_guard lock(mutex_);
  now_ -= bytes.size();
  const std::span<std::byte> block(bytes.data(), Rounded(bytes.size()));
  if (block.size() >= kHugePage) {
    Keep(block);
  } else {
    munmap(block.data(), block.size());
  }
}

}  // namespace tidemark::heapgraph
