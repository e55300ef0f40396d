// Which object keeps which alive, and how much each keeps: the dominator tree under one virtual
// root, by Semi-NCA (Georgiadis, Tarjan, Werneck: Finding Dominators in Practice, 2006).
#pragma once

#include "heapgraph/graph.h"

namespace tidemark::heapgraph {

// Of the objects that the roots reach; the others are garbage. Identity: the retained bytes of the
// top-level objects add up to reachable_bytes, and that plus garbage_bytes to the graph's bytes.
struct DominatorTree {
  static constexpr ObjectId kUnreachable = ~0u - 1;

  // The reachable ones in the tree's preorder: behind each, all that it dominates.
  Array<ObjectId> order;
  // [size]. kNoObject: directly under the virtual root. kUnreachable: garbage.
  Array<ObjectId> parent;
  Array<uint64_t> retained_bytes;    // [size]; 0 of garbage
  Array<uint32_t> retained_objects;  // [size]; holders do not count; held at 2^32 - 1
  // Children of each, by falling retained bytes: children[child_begin[id] .. child_begin[id + 1]);
  // those of the virtual root at id = size.
  Array<uint32_t> child_begin;  // [size + 2]
  Array<ObjectId> children;

  uint64_t reachable_objects = 0, reachable_bytes = 0;  // holders do not count
  uint64_t garbage_objects = 0, garbage_bytes = 0;

  bool reachable(ObjectId id) const { return parent[id] != kUnreachable; }
  std::span<const ObjectId> children_of(ObjectId id) const {
    return {children.data() + child_begin[id], children.data() + child_begin[id + 1]};
  }
  std::span<const ObjectId> top_level() const {
    return children_of(static_cast<ObjectId>(parent.size()));
  }
};

// Linear in practice, O(n^2) at worst; 32 bytes an object of scratch in all, 28 of them the result.
// Errors: the scratch's.
Result<DominatorTree> ComputeDominators(const HeapGraph& graph, Scratch& scratch,
                                        const Progress& progress = {});

}  // namespace tidemark::heapgraph
