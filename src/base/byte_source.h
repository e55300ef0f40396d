// Bytes that come one after the other, from a file, a pipe or an inflater, and a window over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace tidemark {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `into`; 0 = the end. Errors: i/o, corrupt (a compressed source).
  virtual Result<size_t> Read(std::span<std::byte> into) = 0;
  // Back to the first byte. Errors: invalid argument, when it is a pipe.
  virtual Result<void> Rewind() = 0;
  // Of all bytes, where known.
  virtual std::optional<uint64_t> size() const = 0;
};

// A file or, with "-", the standard input; FIFOs too. Errors: not found, i/o; they name the path.
Result<std::unique_ptr<ByteSource>> OpenByteSource(const std::string& path);

// Bytes in memory, which outlive the source.
std::unique_ptr<ByteSource> BytesInMemory(std::span<const std::byte> bytes);

// A window that moves over a source. Its memory is twice what the longest Peek asked for; above
// 4 MiB, that and 1 MiB, given back when the records are shorter again. Never more than
// `max_window`.
class ByteCursor {
 public:
  ByteCursor(ByteSource& source, size_t max_window = size_t{32} << 20);

  // The next bytes without moving: at least `count` of them, fewer only at the end. They stay until
  // the next call. Errors: the source's, resource exhausted when count > max_window.
  Result<std::span<const std::byte>> Peek(size_t count);
  // Past bytes of the last Peek.
  void Advance(size_t count) {
    begin_ += count;
    offset_ += count;
  }
  // Past `count` bytes, however many. Errors: the source's, corrupt at the end.
  Result<void> Skip(uint64_t count);
  // Of the next byte, from the first.
  uint64_t offset() const { return offset_; }
  size_t max_window() const { return max_window_; }

 private:
  static constexpr size_t kKeptWindow = size_t{4} << 20;
  void Resize(size_t count);

  ByteSource& source_;
  const size_t max_window_;
  std::vector<std::byte> window_;
  size_t begin_ = 0, end_ = 0;
  uint64_t offset_ = 0;
  bool at_end_ = false;
};

}  // namespace tidemark
