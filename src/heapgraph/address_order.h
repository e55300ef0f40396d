// The order by address of objects, as they come from a reader.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "heapgraph/scratch.h"

namespace tidemark::heapgraph {

// Ascending runs of addresses, found as they come.
class AscendingRuns {
 public:
  struct Run {
    uint64_t next, end;  // positions
    uint64_t address;    // of the next
  };
  // `end`: where the object at `address` ends, which may be there.
  void Add(uint64_t address, uint64_t end) {
    if (count_ == 0 || address < last_) {
      Begin(address);
    } else {
      apart_ &= address >= end_ && address > last_;
    }
    last_ = address;
    end_ = end;
    ++count_;
  }
  // Within each run no object begins inside the one before it, or where it does.
  bool apart() const { return apart_; }
  // In the order they came; none when they are short, fewer than 16 long on average.
  std::vector<Run> Take();

 private:
  static constexpr uint64_t kLong = 16, kAlways = 4096;  // runs of any length are kept
  void Begin(uint64_t address) {
    if (runs_.size() > kAlways + count_ / kLong) runs_ = {};
    if (runs_.empty() && count_ > 0) return;  // given up
    runs_.push_back({count_, 0, address});
  }

  std::vector<Run> runs_;
  uint64_t count_ = 0, last_ = 0, end_ = 0;
  bool apart_ = true;
};

// The positions of objects in ascending order of their addresses; those with equal addresses in
// the order they came. Dumps tell one region of an allocator behind the other, so that there are
// mostly few ascending runs, which are merged as they are visited.
class AddressOrder {
 public:
  // `addresses` outlive it; `runs` are theirs, none: they are sorted, which takes 32 bytes an
  // object of scratch. Errors: the scratch's.
  static Result<AddressOrder> Make(std::span<const uint64_t> addresses,
                                   std::vector<AscendingRuns::Run> runs, Scratch& scratch);

  // visit(position) of each, in order.
  template <typename Visit>
  void ForEach(Scratch& scratch, Visit visit) const {
    for (uint64_t i = 0; i < sorted_.size(); ++i) {
      scratch.BreatheAt(i);
      visit(sorted_[i].position);
    }
    std::vector<Run> runs = runs_;
    std::make_heap(runs.begin(), runs.end(), Later);
    while (!runs.empty()) {
      std::pop_heap(runs.begin(), runs.end(), Later);
      Run run = runs.back();
      runs.pop_back();
      do {
        scratch.BreatheAt(run.next);
        visit(run.next++);
        if (run.next == run.end) break;
        run.address = addresses_[run.next];
      } while (runs.empty() || !Later(run, runs.front()));
      if (run.next == run.end) continue;
      runs.push_back(run);
      std::push_heap(runs.begin(), runs.end(), Later);
    }
  }

 private:
  using Run = AscendingRuns::Run;
  static bool Later(const Run& a, const Run& b) {
    return a.address != b.address ? a.address > b.address : a.next > b.next;
  }
  struct Key {
    uint64_t address, position;
  };
  Result<void> Sort(Scratch& scratch);

  std::span<const uint64_t> addresses_;
  std::vector<Run> runs_;  // empty when the addresses are in sorted_
  Array<Key> sorted_;
};

}  // namespace tidemark::heapgraph
