// Memory for the arrays of a graph: ordinary, or a file's pages when the graph is larger than the
// memory it was given. This folder knows the interface only; heapdump/spill_file has the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/result.h"

namespace tidemark::heapgraph {

// Not for many threads.
class Scratch {
 public:
  virtual ~Scratch() = default;
  // Zeroed bytes, 64-byte aligned, that stay where they are until released.
  // Errors: resource exhausted, i/o (the disk is full).
  virtual Result<std::span<std::byte>> Allocate(uint64_t bytes) = 0;
  virtual void Release(std::span<std::byte> bytes) = 0;
  // Called between pieces of work of a few milliseconds; a spilling scratch gives pages back here
  // when more of them are resident than it may keep. What arrays hold stays.
  virtual void Breathe() {}
  // The most bytes allocated at one time.
  virtual uint64_t peak_bytes() const = 0;
};

// Ordinary memory.
class HeapScratch : public Scratch {
 public:
  Result<std::span<std::byte>> Allocate(uint64_t bytes) override;
  void Release(std::span<std::byte> bytes) override;
  uint64_t peak_bytes() const override { return peak_; }

 private:
  uint64_t now_ = 0, peak_ = 0;
};

// An array of a trivial T in a scratch that outlives it. Moves; does not copy.
template <typename T>
class Array {
 public:
  Array() = default;
  static Result<Array> Make(Scratch& scratch, uint64_t count) {
    auto bytes = scratch.Allocate(count * sizeof(T));
    if (!bytes) return bytes.error();
    Array array;
    array.scratch_ = &scratch;
    array.bytes_ = *bytes;
    array.count_ = count;
    return array;
  }
  Array(Array&& other) noexcept { *this = std::move(other); }
  Array& operator=(Array&& other) noexcept {
    std::swap(scratch_, other.scratch_);
    std::swap(bytes_, other.bytes_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~Array() { Reset(); }
  void Reset() {
    if (scratch_ != nullptr) scratch_->Release(bytes_);
    scratch_ = nullptr;
    bytes_ = {};
    count_ = 0;
  }

  uint64_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  T* data() { return reinterpret_cast<T*>(bytes_.data()); }
  const T* data() const { return reinterpret_cast<const T*>(bytes_.data()); }
  T& operator[](uint64_t index) { return data()[index]; }
  const T& operator[](uint64_t index) const { return data()[index]; }
  std::span<T> span() { return {data(), count_}; }
  std::span<const T> span() const { return {data(), count_}; }

 private:
  Scratch* scratch_ = nullptr;
  std::span<std::byte> bytes_;
  uint64_t count_ = 0;
};

}  // namespace tidemark::heapgraph
