// How much of each type there is and what it keeps alive.
#pragma once

#include "heapgraph/dominators.h"

namespace tidemark::heapgraph {

struct TypeRow {
  TypeId type = 0;
  uint64_t objects = 0, bytes = 0;  // reachable ones, shallow
  // Summed over objects with no ancestor of the same type in the dominator tree, so that nothing is
  // counted twice.
  uint64_t retained_bytes = 0;
};

// By falling retained bytes, then bytes. Identity: objects and bytes add up to the reachable ones.
// Takes scratch for the depth of the tree. Errors: the scratch's.
Result<std::vector<TypeRow>> TypeHistogram(const HeapGraph& graph, const DominatorTree& tree,
                                           Scratch& scratch);

}  // namespace tidemark::heapgraph
