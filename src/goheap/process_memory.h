// The memory of a live process: what was copied while it stood still, and what can be read of it
// now.
#pragma once

#include <sys/types.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "goheap/memory_image.h"

namespace tidemark::goheap {

struct AddressRange {
  uint64_t begin = 0, end = 0;
  bool operator==(const AddressRange&) const = default;
};

// By address, those that touch or are less than `gap` apart joined.
std::vector<AddressRange> JoinRanges(std::vector<AddressRange> ranges, uint64_t gap);

// Zeroed memory for a copy: ours, or an unlinked file's. Its pages are made in advance, so that the
// pause does not pay for them.
class CopySpace {
 public:
  // `directory` "" = in memory. Errors: i/o, resource exhausted.
  static Result<CopySpace> Make(uint64_t bytes, const std::string& directory);
  CopySpace() = default;
  CopySpace(CopySpace&& other) noexcept { *this = std::move(other); }
  CopySpace& operator=(CopySpace&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~CopySpace();
  std::span<std::byte> bytes() const { return bytes_; }

 private:
  std::span<std::byte> bytes_;
};

// What was not copied is fetched in blocks of 64 KiB as it is read, and kept (at most kMaxBlocks),
// until Settle: while the process stands still, that is, or for memory that does not change. Used
// by one thread.
class ProcessMemory : public MemoryImage {
 public:
  static constexpr size_t kMaxBlocks = 1 << 16;  // 4 GiB

  // Errors: not found (no such process), unavailable (no permission).
  static Result<std::unique_ptr<ProcessMemory>> Open(pid_t pid);
  ProcessMemory(const ProcessMemory&) = delete;
  ~ProcessMemory() override;

  // Copies anonymous memory, `ranges` that do not overlap, into `space` with up to `threads`
  // threads. Of large ranges the pages that the process never touched are skipped; they and what
  // cannot be read, which is counted, are zeros. Errors: resource exhausted (the space is too
  // small), not found (the process is gone).
  Result<void> Copy(const std::vector<AddressRange>& ranges, CopySpace space, int threads);
  // Fetches the blocks of a range.
  void Touch(uint64_t address, uint64_t count) const;
  // Nothing more is fetched.
  void Settle() { settled_ = true; }
  // Memory that an executable's file has too, so that it need not be asked for.
  PieceImage& known() { return known_; }
  uint64_t copied_bytes() const { return copied_bytes_; }
  uint64_t unreadable_bytes() const { return unreadable_bytes_; }

  const std::byte* View(uint64_t address, uint64_t count) const override;
  bool Read(uint64_t address, std::span<std::byte> into) const override;

 private:
  static constexpr uint64_t kBlockBytes = 1 << 16, kPageBytes = 1 << 12;
  struct Block {
    uint16_t readable = 0;  // a bit for each page
    std::byte bytes[kBlockBytes];
  };
  ProcessMemory(pid_t pid, int memory) : pid_(pid), memory_(memory) {}
  const Block* FetchBlock(uint64_t begin) const;

  const pid_t pid_;
  const int memory_;  // /proc/PID/mem: of this process, even when its id has another owner later
  PieceImage known_;  // the copy first, then what executables have
  CopySpace space_;
  uint64_t copied_bytes_ = 0, unreadable_bytes_ = 0;
  bool settled_ = false;
  mutable size_t block_count_ = 0;  // of those in blocks_ that are not null
  mutable std::unordered_map<uint64_t, std::unique_ptr<Block>> blocks_;  // null: unreadable
  mutable const Block* last_block_ = nullptr;
  mutable uint64_t last_begin_ = 1;  // no block begins there
};

}  // namespace tidemark::goheap
