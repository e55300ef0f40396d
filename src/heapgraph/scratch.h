// Memory for the arrays of a graph: ordinary, or a file's pages when the graph is larger than the
// memory it was given. This folder knows the interface only; heapdump/spill_file has the file.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark::heapgraph {

// For many threads; an array is one thread's at a time.
class Scratch {
 public:
  virtual ~Scratch() = default;
  // Zeroed bytes, page aligned, that stay where they are until released or resized.
  // Errors: resource exhausted, i/o (the disk is full).
  virtual Result<std::span<std::byte>> Allocate(uint64_t bytes) = 0;
  // The same bytes with zeroed ones behind them, or fewer of them, perhaps elsewhere. On an error
  // the old ones are as they were.
  virtual Result<std::span<std::byte>> Resize(std::span<std::byte> bytes, uint64_t new_bytes) = 0;
  virtual void Release(std::span<std::byte> bytes) = 0;
  // Called between pieces of work that touch arrays in at most some dozens of places; a spilling
  // scratch gives pages back here when more of them are resident than it may keep. What arrays hold
  // stays.
  virtual void Breathe() {}
  // Arrays lie in files: two things at a time would fight for the memory.
  virtual bool spills() const { return false; }
  // In a loop over elements: Breathe now and then.
  void BreatheAt(uint64_t element) {
    if (element % kBetweenBreaths == 0) Breathe();
  }
  // The most bytes allocated at one time.
  virtual uint64_t peak_bytes() const = 0;

 private:
  static constexpr uint64_t kBetweenBreaths = 1 << 5;
};

// Ordinary memory, in huge pages where the system gives them: most accesses of a graph are random.
// What is released is kept for what is allocated next, since a page that the system has to clear
// first costs many times one that is here; all of it is given back at the end.
class HeapScratch : public Scratch {
 public:
  ~HeapScratch() override;
  Result<std::span<std::byte>> Allocate(uint64_t bytes) override;
  Result<std::span<std::byte>> Resize(std::span<std::byte> bytes, uint64_t new_bytes) override;
  void Release(std::span<std::byte> bytes) override;
  uint64_t peak_bytes() const override {
    const std::lock_guard lock(mutex_);
    return peak_;
  }
  // Gives back what is kept.
  void Trim();

 private:
  std::span<std::byte> TakeKept(uint64_t bytes);
  void Keep(std::span<std::byte> block);
  Result<std::span<std::byte>> Moved(std::span<std::byte> bytes, uint64_t new_bytes);
  void Count(uint64_t added);

  mutable std::mutex mutex_;  // guards what follows
  std::vector<std::span<std::byte>> kept_;
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
  Result<void> Resize(uint64_t count) {
    auto bytes = scratch_->Resize(bytes_, count * sizeof(T));
    if (!bytes) return bytes.error();
    bytes_ = *bytes;
    count_ = count;
    return {};
  }
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

// An array that grows at its end.
template <typename T>
class GrowingArray {
 public:
  explicit GrowingArray(Scratch& scratch) : scratch_(scratch) {}
  ~GrowingArray() { Reset(); }

  // Room for `count` more, so that as many Push cannot fail.
  Result<void> Reserve(uint64_t count) {
    if (HasRoom(count)) return {};
    const uint64_t wanted = std::max(size_ + count, array_.size() * 2);
    if (!array_.empty()) return array_.Resize(wanted);
    auto made = Array<T>::Make(scratch_, std::max(wanted, kFirst));
    if (!made) return made.error();
    array_ = std::move(*made);
    return {};
  }
  bool HasRoom(uint64_t count) const { return size_ + count <= array_.size(); }
  void Push(const T& value) { array_[size_++] = value; }
  void Pop() { --size_; }
  uint64_t size() const { return size_; }
  T& operator[](uint64_t index) { return array_[index]; }
  const T& operator[](uint64_t index) const { return array_[index]; }
  std::span<T> span() { return {array_.data(), size_}; }
  std::span<const T> span() const { return {array_.data(), size_}; }
  void Shrink(uint64_t size) { size_ = size; }
  // Gives back what was used; what was not stays untouched.
  void Reset() {
    if (!array_.empty()) (void)array_.Resize(size_);
    array_.Reset();
    size_ = 0;
  }
  // What was pushed, as an array of just that size. Leaves this empty.
  Result<Array<T>> Finish() {
    TIDEMARK_RETURN_IF_ERROR(Reserve(1));  // so that there is an array
    TIDEMARK_RETURN_IF_ERROR(array_.Resize(size_));
    size_ = 0;
    return std::move(array_);
  }

 private:
  static constexpr uint64_t kFirst = 4096;
  Scratch& scratch_;
  Array<T> array_;
  uint64_t size_ = 0;
};

}  // namespace tidemark::heapgraph
