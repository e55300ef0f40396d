// Contents of a dump that are too long for memory: an unlinked temporary file, mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/byte_source.h"

namespace tidemark::goheap {

// In TMPDIR, /tmp without it. Its pages are the kernel's, which takes them back when it must;
// Forget() gives them back at once.
class GoSpool {
 public:
  // Copies the next `count` bytes of the cursor. Errors: i/o (the disk is full, by name of the
  // folder), corrupt when the source ends before, the source's.
  static Result<GoSpool> Copy(ByteCursor& cursor, uint64_t count);
  GoSpool(GoSpool&& other) noexcept;
  GoSpool& operator=(GoSpool&&) = delete;
  ~GoSpool();

  std::span<const std::byte> bytes() const { return bytes_; }
  // The pages below `offset` are not needed soon.
  void Forget(uint64_t offset);

 private:
  explicit GoSpool(int fd) : fd_(fd) {}
  int fd_ = -1;
  std::span<const std::byte> bytes_;
  uint64_t forgotten_ = 0;
};

}  // namespace tidemark::goheap
