// Two heaps of one program: which type and which retaining path grew.
#pragma once

#include "heapgraph/histogram.h"
#include "heapgraph/retaining_tree.h"

namespace tidemark::heapgraph {

// A heap as growth sees it; matched by names, since addresses move.
struct HeapSide {
  const HeapGraph& graph;
  const DominatorTree& tree;
  const RetainingTree& retaining;
  const std::vector<TypeRow>& types;
};

struct TypeGrowth {
  std::string type;
  int64_t objects = 0, bytes = 0, retained_bytes = 0;  // after minus before
  uint64_t bytes_after = 0;
};

struct PathGrowth {
  std::vector<std::string> path;   // root first
  int64_t objects = 0, bytes = 0;  // retained, after minus before
  int64_t own_objects = 0;         // of the last step's type, there
  uint64_t bytes_before = 0, bytes_after = 0;
  bool suspect = false;  // over 2 % of the baseline and half of all growth; the deepest such path
                         // that keeps 70 % of it
};

struct HeapGrowth {
  int64_t objects = 0, bytes = 0;
  std::vector<TypeGrowth> types;  // by falling |bytes|
  std::vector<PathGrowth> paths;  // the suspects, then by falling bytes
};

HeapGrowth CompareHeaps(const HeapSide& before, const HeapSide& after, size_t max_rows = 100);

}  // namespace tidemark::heapgraph
