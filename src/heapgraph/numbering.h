// Gives told objects their ids, which ascend with their addresses; those of holders come behind.
#pragma once

#include <span>
#include <vector>

#include "heapgraph/graph.h"
#include "heapgraph/told_heap.h"

namespace tidemark::heapgraph {

// The ids of told objects, by the position at which each came.
class ToldIds {
 public:
  // For positions that ascend.
  class Cursor {
   public:
    explicit Cursor(const ToldIds& ids) : ids_(ids) {}
    // kNoObject: it was left out.
    ObjectId At(uint64_t position) {
      const auto& stretches = ids_.stretches_;
      if (stretches.empty()) return ids_.in_place_of_bytes_[position].bytes;
      while (at_ + 1 < stretches.size() && stretches[at_ + 1].position <= position) ++at_;
      return stretches[at_].id + static_cast<ObjectId>(position - stretches[at_].position);
    }

   private:
    const ToldIds& ids_;
    size_t at_ = 0;
  };

 private:
  friend class Numbering;
  // Positions and ids that ascend together, up to the next stretch.
  struct Stretch {
    uint64_t position;
    ObjectId id;
  };
  std::vector<Stretch> stretches_;  // by position; empty: each told shape has the id for its bytes
  std::span<const ToldHeap::Shape> in_place_of_bytes_;
};

class Numbering {
 public:
  Numbering(HeapGraph& graph, ToldHeap& told, Scratch& scratch)
      : graph_(graph), told_(told), scratch_(scratch) {}

  // Makes the graph's addresses and shapes out of the told ones, which lives on for the result's
  // sake. Of objects that overlap all but the first are left out. Errors: the scratch's.
  Result<ToldIds> Number();

 private:
  using Shape = ToldHeap::Shape;
  // One that came after objects of higher addresses, in a dump that is otherwise in order.
  struct Stray {
    uint64_t position, address;
    Shape shape;
    uint64_t before;  // objects of the main run that lie before it
  };

  bool FindStrays(const AscendingRuns::Run& main, const std::vector<AscendingRuns::Run>& runs);
  bool LieApart(const AscendingRuns::Run& main) const;
  Result<ToldIds> InsertStrays(const AscendingRuns::Run& main);
  Result<ToldIds> Sort(std::vector<AscendingRuns::Run> runs);
  ObjectId Fill(const AddressOrder& order);
  uint64_t BytesOf(uint64_t address, Shape shape) const;
  uint64_t EndOf(uint64_t address, Shape shape) const;
  void NoteLargeObjects();

  HeapGraph& graph_;
  ToldHeap& told_;
  Scratch& scratch_;
  std::vector<Stray> strays_;
};

}  // namespace tidemark::heapgraph
