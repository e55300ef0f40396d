// Who holds it, summed over objects of a kind: the dominator chains of all objects, as types,
// merged into one prefix tree with container internals folded away.
//
//   main.leakySpanCache            92 %
//     map[string]trace.Span        92 %
//       *trace.recordingSpan       91 %  300,000 objects
#pragma once

#include "heapgraph/dominators.h"

namespace tidemark::heapgraph {

struct RetainingNode {
  uint32_t parent = 0;          // index of the node above; the first node is the virtual root
  ObjectId holder = kNoObject;  // a named root; else kNoObject and `type` says what
  TypeId type = 0;
  uint64_t objects = 0;      // that end here (folded ones are counted at the node that folds them)
  uint64_t own_objects = 0;  // of those, the ones of `type`: without the insides of containers
  uint64_t bytes = 0;        // shallow, of all that end here
  uint64_t retained_bytes = 0;  // bytes of this node and of all below
  uint64_t retained_objects = 0;
  ObjectId example = kNoObject;  // the one that retains most
};

struct RetainingTreeLimits {
  uint32_t depth = 12;       // deeper ones are counted at their ancestor
  uint32_t nodes = 1 << 20;  // further ones too
};

// Nodes come before their children. Identity: node 0 retains all reachable bytes.
struct RetainingTree {
  std::vector<RetainingNode> nodes;
  uint64_t cut_objects = 0;  // counted at an ancestor because of the limits
};

// Errors: the scratch's.
Result<RetainingTree> BuildRetainingTree(const HeapGraph& graph, const DominatorTree& tree,
                                         Scratch& scratch, const RetainingTreeLimits& limits = {});

}  // namespace tidemark::heapgraph
