// Numbers for the texts that spans have as names, by where they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemark::goheap {

// The text of a name, as a span has it. A name of length 0 has no number.
struct NameAt {
  uint64_t address = 0, length = 0;
  bool operator==(const NameAt&) const = default;
};

// A table with open addressing: millions of spans may have as many names, and each is looked up.
class NameNumbers {
 public:
  static constexpr size_t kMaxNames = 1 << 20;

  // From 1, in the order they came; 0: kMaxNames others came before.
  uint32_t Number(const NameAt& name);
  // Asks, ahead of time, for what Number(name) will look at.
  void Prefetch(const NameAt& name) const;
  // Of number 1 first.
  const std::vector<NameAt>& names() const { return names_; }

 private:
  static constexpr int kNumberBits = 21;
  // A number, 0 = empty, and above it the rest of the hash, which tells most names apart.
  using Slot = uint64_t;
  Slot* Find(const NameAt& name, uint64_t hash);
  void Grow();

  std::vector<NameAt> names_;
  std::vector<Slot> slots_;  // a power of two, at most half of them taken
};

}  // namespace tidemark::goheap
