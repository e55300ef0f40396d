// Names of spans whose strings are still to come.
#pragma once

#include <bitset>
#include <cstdint>
#include <deque>
#include <map>

namespace tidemark::graphfile {

// The oldest is given up for lost when there are too many. Memory: at most 4 MiB.
class WantedNames {
 public:
  void Add(uint64_t address, uint32_t bytes);
  // Calls take(address, bytes) for each name that begins inside [begin, begin + length), and
  // forgets it.
  template <typename Take>
  void TakeInside(uint64_t begin, uint64_t length, const Take& take) {
    if (!MayHold(begin, length)) return;
    auto next = names_.lower_bound(begin);
    while (next != names_.end() && next->first - begin < length) {
      take(next->first, next->second.bytes);
      waiting_ -= next->second.spans;
      next = names_.erase(next);
    }
  }
  // Spans, of names that were given up or never came.
  uint64_t lost() const { return lost_ + waiting_; }

 private:
  struct Wanted {
    uint32_t bytes = 0;
    uint32_t spans = 0;  // that have this name
  };
  static constexpr size_t kMaxNames = 1 << 15;
  static constexpr unsigned kPageBits = 13;
  static size_t Bit(uint64_t page) { return (page * 0x9e3779b97f4a7c15) >> 48; }
  bool MayHold(uint64_t begin, uint64_t length) const;

  std::map<uint64_t, Wanted> names_;  // by address
  std::deque<uint64_t> order_;
  std::bitset<1 << 16> pages_;  // where a name may begin; bits are not taken back
  uint64_t lost_ = 0, waiting_ = 0;
};

}  // namespace tidemark::graphfile
