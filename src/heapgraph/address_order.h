// Objects as they come from a reader, and their order by address.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "heapgraph/scratch.h"

namespace tidemark::heapgraph {

struct ToldObject {
  uint64_t address;
  uint64_t row;    // its references, packed as HeapGraph packs them
  uint32_t bytes;  // ~0: too large for 32 bits, kept elsewhere
  uint32_t type;
};

// The positions of objects in ascending order of their addresses; those with equal addresses in
// the order they came. Dumps tell one region of an allocator behind the other, so that there are
// mostly few ascending runs, which are merged as they are visited.
class AddressOrder {
 public:
  // `objects` outlives it. Takes 16 bytes an object of scratch when runs are short. Errors: the
  // scratch's.
  static Result<AddressOrder> Make(std::span<const ToldObject> objects, Scratch& scratch);

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
        run.address = objects_[run.next].address;
      } while (runs.empty() || !Later(run, runs.front()));
      if (run.next == run.end) continue;
      runs.push_back(run);
      std::push_heap(runs.begin(), runs.end(), Later);
    }
  }

 private:
  struct Run {
    uint64_t next, end;  // positions
    uint64_t address;    // of the next
  };
  static bool Later(const Run& a, const Run& b) {
    return a.address != b.address ? a.address > b.address : a.next > b.next;
  }
  struct Key {
    uint64_t address, position;
  };
  bool FindLongRuns(Scratch& scratch);
  Result<void> Sort(Scratch& scratch);
  void SortByDigit(const Key* from, Key* to, int shift, Scratch& scratch) const;

  std::span<const ToldObject> objects_;
  std::vector<Run> runs_;  // empty when the objects are in sorted_
  Array<Key> sorted_;
};

}  // namespace tidemark::heapgraph
