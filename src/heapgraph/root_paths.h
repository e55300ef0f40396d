// The shortest way from a root to every object: one breadth-first tree from all roots at once.
#pragma once

#include "heapgraph/graph.h"

namespace tidemark::heapgraph {

struct RootPaths {
  // [size]. kNoObject: a root, or garbage. Among equally short ways the one whose root comes first
  // wins: named globals, then classes and handles, then stacks.
  Array<ObjectId> parent;
  Array<uint32_t> label;  // of the reference that leads here, Label bits; 0 at a root
};

// One step of a path, root first: how it is reached and what it is.
struct PathStep {
  ObjectId object = kNoObject;
  Label label;  // from the step before; meaningless in the first
};

// With `wanted` the walk ends as soon as all of those are reached, which for objects near roots is
// soon; what it did not reach has no path then. Errors: the scratch's.
Result<RootPaths> ShortestRootPaths(const HeapGraph& graph, Scratch& scratch,
                                    const Progress& progress = {},
                                    std::span<const ObjectId> wanted = {});

// From a root to `object`, both included; at most `max_steps`, cut in the middle.
std::vector<PathStep> PathTo(const RootPaths& paths, ObjectId object, size_t max_steps = 64);

}  // namespace tidemark::heapgraph
