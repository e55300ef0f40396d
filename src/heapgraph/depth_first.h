// A depth-first tree over everything the roots reach, and the references that are not of the tree.
#pragma once

#include "heapgraph/graph.h"

namespace tidemark::heapgraph {

// Everything is numbered in preorder: 0 is the virtual root, 1 the first root, and a vertex has a
// smaller number than all below it.
struct DepthFirstTree {
  Array<ObjectId> object;  // [vertices] object of each number; kNoObject at 0
  Array<uint32_t> parent;  // [vertices]
  // The references that are not of the tree, by `to`.
  struct CrossReference {
    uint32_t from, to;
  };
  Array<CrossReference> cross;

  uint32_t vertices() const { return static_cast<uint32_t>(object.size()); }
};

// Linear. Errors: the scratch's.
Result<DepthFirstTree> WalkDepthFirst(const HeapGraph& graph, Scratch& scratch,
                                      const Progress& progress);

}  // namespace tidemark::heapgraph
