// Detached nodes: what the engine says is cut off from its document or owner, but still held.
#pragma once

#include <string>
#include <vector>

#include "heapgraph/dominators.h"

namespace tidemark::v8heap {

struct DetachedClass {
  std::string name;                 // with "Detached " before it
  uint64_t objects = 0, bytes = 0;  // reachable ones; bytes are the nodes' own
  // Of those that no other detached node dominates, whatever its class, so that the sum over all
  // classes counts nothing twice.
  uint64_t retained_bytes = 0;
  heapgraph::ObjectId example = heapgraph::kNoObject;  // the one that retains most
};

// By falling retained bytes. Detached ones are known by their type's name, which a graph-only file
// keeps. Takes a byte an object of scratch. Errors: the scratch's.
Result<std::vector<DetachedClass>> DetachedClasses(const heapgraph::HeapGraph& graph,
                                                   const heapgraph::DominatorTree& tree,
                                                   heapgraph::Scratch& scratch);

}  // namespace tidemark::v8heap
