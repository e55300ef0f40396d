// Which object keeps which alive, and how much each keeps: the dominator tree under one virtual
// root, by Semi-NCA (Georgiadis, Tarjan, Werneck: Finding Dominators in Practice, 2006).
#pragma once

#include <iterator>

#include "heapgraph/graph.h"

namespace tidemark::heapgraph {

// Of the objects that the roots reach; the others are garbage. Identity: the retained bytes of the
// top-level objects add up to reachable_bytes, and that plus garbage_bytes to the graph's bytes.
struct DominatorTree {
  // By place: the reachable ones in the tree's preorder. What one dominates lies right behind it.
  Array<ObjectId> order;
  Array<uint32_t> extent;        // places that it takes with all that it dominates
  Array<uint64_t> bytes_before;  // [places + 1] of the objects at all places before
  // By object.
  Array<uint32_t> place_after;  // its place and 1; 0 of garbage

  uint32_t objects = 0;                                 // ids from here on are holders'
  uint64_t reachable_objects = 0, reachable_bytes = 0;  // holders do not count
  uint64_t garbage_objects = 0, garbage_bytes = 0;

  bool reachable(ObjectId id) const { return place_after[id] != 0; }
  uint64_t place(ObjectId id) const { return uint64_t{place_after[id]} - 1; }  // of a reachable one
  uint64_t retained(uint64_t place) const {                                    // bytes
    return bytes_before[place + extent[place]] - bytes_before[place];
  }
  uint64_t retained_bytes(ObjectId id) const { return reachable(id) ? retained(place(id)) : 0; }
  uint32_t retained_objects(ObjectId id) const {  // holders do not count, and dominate no holder
    return reachable(id) ? extent[place(id)] - (id < objects ? 0 : 1) : 0;
  }

  // The places, in `order`, of the children of one vertex.
  class Siblings {
   public:
    class Iterator {
     public:
      using iterator_category = std::forward_iterator_tag;
      using value_type = uint64_t;
      using difference_type = int64_t;
      using pointer = const uint64_t*;
      using reference = uint64_t;

      Iterator(const Array<uint32_t>& extent, uint64_t place) : extent_(&extent), place_(place) {}
      uint64_t operator*() const { return place_; }
      Iterator& operator++() {
        place_ += (*extent_)[place_];
        return *this;
      }
      bool operator==(const Iterator& other) const { return place_ == other.place_; }

     private:
      const Array<uint32_t>* extent_;
      uint64_t place_;
    };
    Siblings(const Array<uint32_t>& extent, uint64_t begin, uint64_t end)
        : begin_(extent, begin), end_(extent, end) {}
    Iterator begin() const { return begin_; }
    Iterator end() const { return end_; }
    bool empty() const { return begin_ == end_; }

   private:
    Iterator begin_, end_;
  };
  Siblings top_level() const { return {extent, 0, order.size()}; }
  Siblings children_at(uint64_t place) const { return {extent, place + 1, place + extent[place]}; }
};

// Linear in practice, O(n^2) at worst; 36 bytes an object of scratch at most, 20 of them the
// result.
// Errors: the scratch's.
Result<DominatorTree> ComputeDominators(const HeapGraph& graph, Scratch& scratch,
                                        const Progress& progress = {});

}  // namespace tidemark::heapgraph
