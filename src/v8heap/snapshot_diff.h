// Snapshots of one process side by side: V8 gives every object an id that stays, so that what was
// allocated, freed and kept between two of them is known object by object.
#pragma once

#include <string>
#include <vector>

#include "heapgraph/dominators.h"

namespace tidemark::v8heap {

struct DiffCount {
  uint64_t objects = 0, bytes = 0;  // shallow
};

struct ClassDiff {
  std::string name;
  DiffCount allocated, freed;  // by their bytes then
  int64_t bytes = 0;           // allocated minus freed, and what survivors grew
};

struct SnapshotDiff {
  DiffCount allocated, freed, survived;  // survived: by their bytes in the later one
  std::vector<ClassDiff> classes;        // by falling growth of bytes
};

// Identity: allocated + survived = objects of `after`, freed + survived = objects of `before`.
// Errors: invalid argument, when one of them is no snapshot whose addresses are ids.
Result<SnapshotDiff> DiffSnapshots(const heapgraph::HeapGraph& before,
                                   const heapgraph::HeapGraph& after);

// What a repeated action left behind: objects allocated between `baseline` and `target` that are
// still reachable in `last`, and that none of the others dominates there; by falling retained bytes
// in `last`. Strings, numbers and the engine's own are left to who holds them. (The three snapshots
// of memlab: before the action, after it, after it was undone.) Errors: as DiffSnapshots.
struct Leftovers {
  std::vector<heapgraph::ObjectId> objects;  // of `last`; at most `max_objects`
  uint64_t all = 0, retained_bytes = 0;      // of all of them
};
Result<Leftovers> FindLeftovers(const heapgraph::HeapGraph& baseline,
                                const heapgraph::HeapGraph& target,
                                const heapgraph::HeapGraph& last,
                                const heapgraph::DominatorTree& last_tree,
                                size_t max_objects = 100'000);

}  // namespace tidemark::v8heap
