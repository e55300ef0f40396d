#include "heapgraph/dominators.h"

#include <future>

#include "heapgraph/semi_nca.h"

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kAhead = 24;  // elements for which memory is asked before they are used

// Of each vertex, how many it dominates, itself among them: dominators have smaller numbers.
Result<Array<uint32_t>> Extents(const Array<uint32_t>& dominator, Scratch& scratch) {
  const auto vertices = static_cast<uint32_t>(dominator.size());
  TIDEMARK_ASSIGN_OR_RETURN(auto extent, Array<uint32_t>::Make(scratch, vertices));
  for (uint32_t vertex = vertices - 1; vertex > 0; --vertex) {
    scratch.BreatheAt(vertex);
    extent[dominator[vertex]] += ++extent[vertex];
  }
  return extent;
}

// The dominator tree's preorder. The walk meets a vertex after its dominator, so each takes the
// next places of its dominator's.
Result<void> PutInOrder(const DepthFirstTree& walk, const Array<uint32_t>& dominator,
                        uint64_t graph_size, Scratch& scratch, DominatorTree* tree) {
  const uint32_t vertices = walk.vertices();
  TIDEMARK_ASSIGN_OR_RETURN(const auto extent, Extents(dominator, scratch));
  TIDEMARK_ASSIGN_OR_RETURN(auto next_place, Array<uint32_t>::Make(scratch, vertices));
  TIDEMARK_ASSIGN_OR_RETURN(tree->order, Array<ObjectId>::Make(scratch, vertices - 1));
  TIDEMARK_ASSIGN_OR_RETURN(tree->extent, Array<uint32_t>::Make(scratch, vertices - 1));
  TIDEMARK_ASSIGN_OR_RETURN(tree->place_after, Array<uint32_t>::Make(scratch, graph_size));
  for (uint32_t vertex = 1; vertex < vertices; ++vertex) {
    scratch.BreatheAt(vertex);
    if (vertex + 2 * kAhead < vertices) {
      __builtin_prefetch(&tree->place_after[walk.object[vertex + kAhead]], 1);
      __builtin_prefetch(&next_place[dominator[vertex + 2 * kAhead]], 1);
      const uint32_t about = next_place[dominator[vertex + kAhead]];  // where it will be, mostly
      __builtin_prefetch(&tree->order[about], 1);
      __builtin_prefetch(&tree->extent[about], 1);
    }
    uint32_t& next = next_place[dominator[vertex]];
    tree->order[next] = walk.object[vertex];
    tree->extent[next] = extent[vertex];
    tree->place_after[walk.object[vertex]] = next_place[vertex] = next + 1;
    next += extent[vertex];
  }
  return {};
}

void FillOwnBytes(const HeapGraph& graph, uint64_t begin, uint64_t end, Scratch& scratch,
                  DominatorTree* tree) {
  for (uint64_t place = begin; place < end; ++place) {
    scratch.BreatheAt(place);
    if (place + kAhead < end) graph.PrefetchShape(tree->order[place + kAhead]);
    tree->retained[place] = graph.bytes(tree->order[place]);
  }
}

// From the last place to the first: what one dominates lies behind it.
Result<void> SumRetained(const HeapGraph& graph, Scratch& scratch, const Progress& progress,
                         DominatorTree* tree) {
  const uint64_t places = tree->order.size();
  TIDEMARK_ASSIGN_OR_RETURN(tree->retained, Array<uint64_t>::Make(scratch, places));
  auto half = std::async(scratch.spills() ? std::launch::deferred : std::launch::async,
                         [&] { FillOwnBytes(graph, places / 2, places, scratch, tree); });
  FillOwnBytes(graph, 0, places / 2, scratch, tree);
  half.get();
  uint64_t added = 0;
  for (uint64_t place = places; place-- > 0;) {
    scratch.BreatheAt(place);
    ProgressAt(progress, "adding up sizes", places - place, places);
    if (tree->extent[place] == 1) continue;
    for (const uint64_t child : tree->children_at(place)) {
      scratch.BreatheAt(++added);
      tree->retained[place] += tree->retained[child];
    }
  }
  for (const uint64_t place : tree->top_level()) {
    scratch.BreatheAt(++added);
    tree->reachable_bytes += tree->retained[place];
  }
  return {};
}

}  // namespace

Result<DominatorTree> ComputeDominators(const HeapGraph& graph, Scratch& scratch,
                                        const Progress& progress) {
  DominatorTree tree;
  tree.holders = graph.holder_count();
  TIDEMARK_ASSIGN_OR_RETURN(DepthFirstTree walk, WalkDepthFirst(graph, scratch, progress));
  TIDEMARK_ASSIGN_OR_RETURN(auto dominator, ImmediateDominators(&walk, scratch, progress));
  walk.parent.Reset();
  walk.predecessor.Reset();
  walk.predecessor_begin.Reset();
  TIDEMARK_RETURN_IF_ERROR(PutInOrder(walk, dominator, graph.size(), scratch, &tree));
  walk.object.Reset();
  dominator.Reset();
  TIDEMARK_RETURN_IF_ERROR(SumRetained(graph, scratch, progress, &tree));
  // Every holder is a root.
  tree.reachable_objects = tree.order.size() - graph.holder_count();
  tree.garbage_objects = graph.size() - tree.order.size();
  tree.garbage_bytes = graph.bytes() - tree.reachable_bytes;
  return tree;
}

}  // namespace tidemark::heapgraph
