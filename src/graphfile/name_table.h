// Numbers for names, by their 64-bit hash: the names themselves go to the file and are not kept.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace tidemark::graphfile {

// Two names of one hash would be taken for the same: with 2^19 names one chance in 10^8.
// Memory: at most 12 MiB.
class NameTable {
 public:
  static constexpr uint32_t kMaxNames = 1u << 19;

  // The name's number: 0, 1, 2, ... as they come; kMaxNames when there are that many others.
  // `added`: whether it is new.
  uint32_t Find(std::string_view name, bool* added);

 private:
  struct Slot {
    uint64_t hash = 0;  // 0 = free
    uint32_t number = 0;
  } __attribute__((packed));
  Slot& Place(uint64_t hash);
  void Grow();

  std::vector<Slot> slots_;
  uint32_t count_ = 0;
};

}  // namespace tidemark::graphfile
