// A process's memory by address, as a core or a copy of a live process has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tidemark::goheap {

// Read only; owned and used by one thread. What it returns lives as long as the image.
class MemoryImage {
 public:
  virtual ~MemoryImage() = default;
  // The bytes [address, address + count) where they lie in one piece, else null.
  virtual const std::byte* View(uint64_t address, uint64_t count) const = 0;
  // The same copied, from several pieces if need be. False: some of them are not in the image.
  virtual bool Read(uint64_t address, std::span<std::byte> into) const = 0;

  template <typename T>
  std::optional<T> Load(uint64_t address) const {
    T value;
    if (!Read(address, std::as_writable_bytes(std::span(&value, 1)))) return std::nullopt;
    return value;
  }
  // An unsigned number of 1, 2, 4 or 8 bytes, little-endian.
  std::optional<uint64_t> LoadNumber(uint64_t address, uint64_t width) const;
  static constexpr uint64_t kMaxBuffered = 1 << 30;
  // As View, or by way of `buffer`, which holds the bytes until it is used again. Null: not there,
  // or in several pieces and more than kMaxBuffered bytes.
  const std::byte* ViewOrRead(uint64_t address, uint64_t count,
                              std::vector<std::byte>& buffer) const;
};

// Pieces of memory that lie somewhere in ours. Where two overlap, the one that was added first has
// the say.
class PieceImage : public MemoryImage {
 public:
  // `bytes` outlive the image. A piece that would go over the end of the address space is cut.
  void Add(uint64_t address, std::span<const std::byte> bytes);
  size_t piece_count() const { return pieces_.size(); }
  uint64_t byte_count() const { return byte_count_; }

  const std::byte* View(uint64_t address, uint64_t count) const override;
  bool Read(uint64_t address, std::span<std::byte> into) const override;

 private:
  struct Piece {
    uint64_t end;
    const std::byte* data;
  };
  using Pieces = std::map<uint64_t, Piece>;  // by first address; they do not overlap
  const Pieces::value_type* Find(uint64_t address) const;

  Pieces pieces_;
  uint64_t byte_count_ = 0;
  mutable const Pieces::value_type* last_ = nullptr;  // hit; most look-ups come in runs
};

// What `first` has not, `second` may have; both outlive it.
class FallbackImage : public MemoryImage {
 public:
  FallbackImage(const MemoryImage& first, const MemoryImage& second)
      : first_(first), second_(second) {}
  const std::byte* View(uint64_t address, uint64_t count) const override {
    const std::byte* const view = first_.View(address, count);
    return view != nullptr ? view : second_.View(address, count);
  }
  bool Read(uint64_t address, std::span<std::byte> into) const override {
    return first_.Read(address, into) || second_.Read(address, into);
  }

 private:
  const MemoryImage& first_;
  const MemoryImage& second_;
};

}  // namespace tidemark::goheap
