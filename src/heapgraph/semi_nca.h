// Immediate dominators from a depth-first tree.
#pragma once

#include "heapgraph/depth_first.h"

namespace tidemark::heapgraph {

// [vertices] the dominator of each, as a preorder number, less than its own; 0 at 0.
// Semi-NCA: semidominators by path compression, from the last vertex to the first; then each
// vertex's dominator is the nearest common ancestor, in the dominator tree, of its parent and its
// semidominator. A vertex that only its parent refers to, as most are, has it for both. Takes the
// tree's `parent` and `cross`, which are used up. Errors: the scratch's.
Result<Array<uint32_t>> ImmediateDominators(DepthFirstTree* tree, Scratch& scratch,
                                            const Progress& progress);

}  // namespace tidemark::heapgraph
