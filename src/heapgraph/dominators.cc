#include "heapgraph/dominators.h"

#include <algorithm>
#include <utility>

#include "heapgraph/semi_nca.h"

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kAhead = 24;  // elements for which memory is asked before they are used

// One sweep from the last vertex to the first: dominators have smaller numbers.
Result<void> SumRetained(const HeapGraph& graph, const DepthFirstTree& walk,
                         const Array<uint32_t>& dominator, Scratch& scratch,
                         const Progress& progress, DominatorTree* tree) {
  TIDEMARK_ASSIGN_OR_RETURN(tree->parent, Array<ObjectId>::Make(scratch, graph.size()));
  TIDEMARK_ASSIGN_OR_RETURN(tree->retained_bytes, Array<uint64_t>::Make(scratch, graph.size()));
  TIDEMARK_ASSIGN_OR_RETURN(tree->retained_objects, Array<uint32_t>::Make(scratch, graph.size()));
  for (uint64_t id = 0; id < graph.size(); ++id) {
    scratch.BreatheAt(id);
    tree->parent[id] = DominatorTree::kUnreachable;
  }
  for (uint32_t vertex = walk.vertices() - 1; vertex > 0; --vertex) {
    scratch.BreatheAt(vertex);
    ProgressAt(progress, "adding up sizes", walk.vertices() - vertex, walk.vertices());
    if (vertex > kAhead) {
      const ObjectId ahead = walk.object[vertex - kAhead];
      graph.PrefetchShape(ahead);
      __builtin_prefetch(&tree->parent[ahead], 1);
      __builtin_prefetch(&tree->retained_bytes[ahead], 1);
      __builtin_prefetch(&tree->retained_objects[ahead], 1);
    }
    const ObjectId id = walk.object[vertex];
    tree->retained_bytes[id] += graph.bytes(id);
    tree->retained_objects[id] += graph.is_holder(id) ? 0 : 1;
    const ObjectId parent = walk.object[dominator[vertex]];
    tree->parent[id] = parent;
    (parent == kNoObject ? tree->reachable_bytes : tree->retained_bytes[parent]) +=
        tree->retained_bytes[id];
    if (parent == kNoObject) {
      tree->reachable_objects += tree->retained_objects[id];
    } else {
      tree->retained_objects[parent] += tree->retained_objects[id];
    }
  }
  return {};
}

void SumGarbage(const HeapGraph& graph, Scratch& scratch, DominatorTree* tree) {
  uint64_t bytes = 0;
  for (ObjectId id = graph.holder_count(); id < graph.size(); ++id) {
    scratch.BreatheAt(id);
    bytes += graph.bytes(id);
  }
  tree->garbage_objects = graph.size() - graph.holder_count() - tree->reachable_objects;
  tree->garbage_bytes = bytes - tree->reachable_bytes;
}

// The dominator tree's preorder. A subtree takes as many places as it has objects and holders, and
// the walk meets a vertex after its dominator, so each takes the next places of its dominator's.
Result<void> PutInOrder(const HeapGraph& graph, const DepthFirstTree& walk,
                        const Array<uint32_t>& dominator, Scratch& scratch, DominatorTree* tree) {
  const uint32_t vertices = walk.vertices();
  TIDEMARK_ASSIGN_OR_RETURN(tree->order, Array<ObjectId>::Make(scratch, vertices - 1));
  TIDEMARK_ASSIGN_OR_RETURN(tree->extent, Array<uint32_t>::Make(scratch, vertices - 1));
  TIDEMARK_ASSIGN_OR_RETURN(auto next_place, Array<uint32_t>::Make(scratch, vertices));
  for (uint32_t vertex = 1; vertex < vertices; ++vertex) {
    scratch.BreatheAt(vertex);
    if (vertex + kAhead < vertices) {
      __builtin_prefetch(&tree->retained_objects[walk.object[vertex + kAhead]]);
    }
    const ObjectId id = walk.object[vertex];
    uint32_t& next = next_place[dominator[vertex]];
    tree->order[next] = id;
    tree->extent[next] = tree->retained_objects[id] + (graph.is_holder(id) ? 1 : 0);
    next_place[vertex] = next + 1;
    next += tree->extent[next];
  }
  return {};
}

}  // namespace

Result<DominatorTree> ComputeDominators(const HeapGraph& graph, Scratch& scratch,
                                        const Progress& progress) {
  DominatorTree tree;
  TIDEMARK_ASSIGN_OR_RETURN(DepthFirstTree walk, WalkDepthFirst(graph, scratch, progress));
  TIDEMARK_ASSIGN_OR_RETURN(const auto dominator, ImmediateDominators(&walk, scratch, progress));
  walk.parent.Reset();
  walk.predecessor.Reset();
  walk.predecessor_begin.Reset();
  TIDEMARK_RETURN_IF_ERROR(SumRetained(graph, walk, dominator, scratch, progress, &tree));
  TIDEMARK_RETURN_IF_ERROR(PutInOrder(graph, walk, dominator, scratch, &tree));
  SumGarbage(graph, scratch, &tree);
  return tree;
}

}  // namespace tidemark::heapgraph
