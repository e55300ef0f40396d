// Which few objects or groups of objects hold so much that they are worth naming, and where below
// them the memory piles up.
#pragma once

#include "heapgraph/dominators.h"
#include "heapgraph/root_paths.h"

namespace tidemark::heapgraph {

struct SuspectSettings {
  double min_share = 0.1;           // of the reachable bytes, to be worth naming
  double accumulation_ratio = 0.7;  // go down while one child keeps this share of its parent
  uint32_t max_depth = 1000;
  uint32_t max_suspects = 10;
};

struct Suspect {
  ObjectId object = kNoObject;  // top-level, or of a group one that retains most
  bool group = false;           // many top-level objects of one type
  uint64_t objects = 1;         // in the group
  uint64_t retained_bytes = 0;
  // Where it piles up: the last object on the way down before it spreads over many children.
  ObjectId accumulation = kNoObject;
  // The type that most of the accumulation's retained bytes are under, and how many of them.
  TypeId piled_type = 0;
  uint64_t piled_objects = 0, piled_bytes = 0;  // bytes: retained by those
  std::vector<PathStep> path;  // from a root to the accumulation, shortest; of AddPaths
};

// By falling retained bytes. Method: Eclipse MAT's FindLeaksQuery, with container internals walked
// through when the accumulation is looked for.
std::vector<Suspect> FindSuspects(const HeapGraph& graph, const DominatorTree& tree,
                                  Scratch& scratch, const SuspectSettings& settings = {});

// Their shortest paths from roots. Errors: the scratch's.
Result<void> AddPaths(const HeapGraph& graph, Scratch& scratch, const Progress& progress,
                      std::vector<Suspect>* suspects);

}  // namespace tidemark::heapgraph
