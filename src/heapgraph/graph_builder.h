// From what a source told to a graph: objects get their ids, references become ids.
#pragma once

#include <utility>
#include <vector>

#include "heapgraph/graph.h"
#include "heapgraph/numbering.h"
#include "heapgraph/told_heap.h"

namespace tidemark::heapgraph {

class GraphBuilder {
 public:
  GraphBuilder(HeapGraph& graph, ToldHeap& told, Scratch& scratch, const Progress& progress)
      : graph_(graph), told_(told), scratch_(scratch), progress_(progress) {}

  // Takes from `told` what it needs. Errors: the scratch's.
  Result<void> Build();

 private:
  // References looked up together: of the told targets, those from `begin` on.
  struct Window {
    uint64_t begin = 0, end = 0;
    std::vector<AddressIndex::Found> found;
  };
  // What some rows came to.
  struct Resolved {
    uint64_t edges = 0, dangling = 0;
    std::vector<std::pair<ObjectId, uint64_t>> large_rows;
  };
  Result<void> NumberObjects();
  Result<void> ResolveRows();
  Result<uint64_t> AppendHolders();
  Resolved ResolveHolders(uint64_t first);
  Resolved ResolveObjects(uint64_t begin, uint64_t end, uint64_t first, const Progress& progress);
  void ResolveRow(ObjectId source, uint64_t begin, uint64_t count, Window* window,
                  Resolved* resolved);
  void Look(uint64_t begin, Window* window) const;
  void Count(const Resolved& resolved);
  uint64_t OrderExtras();
  void AddExtras();
  void LearnTypes();
  void AddRoots();

  HeapGraph& graph_;
  ToldHeap& told_;
  Scratch& scratch_;
  const Progress& progress_;
  ToldIds ids_;
};

}  // namespace tidemark::heapgraph
