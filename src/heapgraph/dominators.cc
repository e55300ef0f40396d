#include "heapgraph/dominators.h"

#include <algorithm>
#include <future>
#include <vector>

#include "heapgraph/semi_nca.h"

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kAhead = 24;       // elements for which memory is asked before they are used
constexpr uint32_t kBlock = 1 << 17;  // vertices that are placed together

// Of each vertex, how many it dominates, itself among them: dominators have smaller numbers.
Result<Array<uint32_t>> Extents(const Array<uint32_t>& dominator, Scratch& scratch) {
  const auto vertices = static_cast<uint32_t>(dominator.size());
  TIDEMARK_ASSIGN_OR_RETURN(auto extent, Array<uint32_t>::Make(scratch, vertices));
  for (uint32_t vertex = vertices - 1; vertex > 0; --vertex) {
    scratch.BreatheAt(vertex);
    extent[dominator[vertex]] += ++extent[vertex];
  }
  extent[0] = 0;  // see PutInOrder
  return extent;
}

std::launch WithOthers(const Scratch& scratch) {
  return scratch.spills() ? std::launch::deferred : std::launch::async;
}

struct Placed {
  uint32_t place, extent;
};

// Of the vertices from `begin` on. Once a vertex has its place, its extent is not asked for any
// more, and where it was lies the next place below it.
void TakePlaces(uint32_t begin, const Array<uint32_t>& dominator, Array<uint32_t>& extent_or_next,
                Scratch& scratch, std::span<Placed> placed) {
  for (uint32_t i = 0; i < placed.size(); ++i) {
    const uint32_t vertex = begin + i;
    scratch.BreatheAt(vertex);
    if (vertex + kAhead < dominator.size()) {
      __builtin_prefetch(&extent_or_next[dominator[vertex + kAhead]], 1);
    }
    uint32_t& next = extent_or_next[dominator[vertex]];
    placed[i] = {next, extent_or_next[vertex]};
    next += placed[i].extent;
    extent_or_next[vertex] = placed[i].place + 1;
  }
}

void WriteAtPlaces(std::span<const ObjectId> objects, std::span<const Placed> placed,
                   Scratch& scratch, DominatorTree* tree) {
  for (uint64_t i = 0; i < objects.size(); ++i) {
    scratch.BreatheAt(i);
    tree->order[placed[i].place] = objects[i];
    tree->extent[placed[i].place] = placed[i].extent;
  }
}

// The dominator tree's preorder. The walk meets a vertex after its dominator, so each takes the
// next places of its dominator's; a second thread writes what lies there, one block behind.
Result<void> PutInOrder(const DepthFirstTree& walk, const Array<uint32_t>& dominator,
                        Scratch& scratch, DominatorTree* tree) {
  const uint32_t vertices = walk.vertices();
  TIDEMARK_ASSIGN_OR_RETURN(auto extent_or_next, Extents(dominator, scratch));
  TIDEMARK_ASSIGN_OR_RETURN(tree->order, Array<ObjectId>::Make(scratch, vertices - 1));
  TIDEMARK_ASSIGN_OR_RETURN(tree->extent, Array<uint32_t>::Make(scratch, vertices - 1));
  std::vector<Placed> placing(std::min(kBlock, vertices)), placed(placing.size());
  std::future<void> written;
  for (uint32_t begin = 1, count = 0; begin < vertices; begin += count) {
    count = std::min(kBlock, vertices - begin);
    TakePlaces(begin, dominator, extent_or_next, scratch, {placing.data(), count});
    if (written.valid()) written.get();
    std::swap(placing, placed);
    written = std::async(WithOthers(scratch), [&, begin, count] {
      WriteAtPlaces(walk.object.span().subspan(begin, count), placed, scratch, tree);
    });
  }
  if (written.valid()) written.get();
  return {};
}

void FillPlaces(Scratch& scratch, DominatorTree* tree) {
  const uint64_t places = tree->order.size();
  for (uint64_t place = 0; place < places; ++place) {
    scratch.BreatheAt(place);
    if (place + kAhead < places) {
      __builtin_prefetch(&tree->place_after[tree->order[place + kAhead]], 1);
    }
    tree->place_after[tree->order[place]] = static_cast<uint32_t>(place + 1);
  }
}

// Retained sizes are differences of this running sum: what one dominates lies behind it.
Result<void> SumBytes(const HeapGraph& graph, Scratch& scratch, const Progress& progress,
                      DominatorTree* tree) {
  const auto order = tree->order.span();
  TIDEMARK_ASSIGN_OR_RETURN(tree->bytes_before, Array<uint64_t>::Make(scratch, order.size() + 1));
  uint64_t sum = 0;
  for (uint64_t place = 0; place < order.size(); ++place) {
    scratch.BreatheAt(place);
    ProgressAt(progress, "adding up sizes", place, order.size());
    if (place + kAhead < order.size()) graph.PrefetchShape(order[place + kAhead]);
    tree->bytes_before[place] = sum;
    sum += graph.bytes(order[place]);
  }
  tree->bytes_before[order.size()] = tree->reachable_bytes = sum;
  return {};
}

}  // namespace

Result<DominatorTree> ComputeDominators(const HeapGraph& graph, Scratch& scratch,
                                        const Progress& progress) {
  DominatorTree tree;
  tree.objects = graph.object_count();
  TIDEMARK_ASSIGN_OR_RETURN(DepthFirstTree walk, WalkDepthFirst(graph, scratch, progress));
  TIDEMARK_ASSIGN_OR_RETURN(auto dominator, ImmediateDominators(&walk, scratch, progress));
  walk.parent.Reset();
  walk.cross.Reset();
  TIDEMARK_RETURN_IF_ERROR(PutInOrder(walk, dominator, scratch, &tree));
  walk.object.Reset();
  dominator.Reset();
  TIDEMARK_ASSIGN_OR_RETURN(tree.place_after, Array<uint32_t>::Make(scratch, graph.size()));
  auto filling = std::async(WithOthers(scratch), [&] { FillPlaces(scratch, &tree); });
  TIDEMARK_RETURN_IF_ERROR(SumBytes(graph, scratch, progress, &tree));
  filling.get();
  // Every holder is a root.
  tree.reachable_objects = tree.order.size() - graph.holder_count();
  tree.garbage_objects = graph.size() - tree.order.size();
  tree.garbage_bytes = graph.bytes() - tree.reachable_bytes;
  return tree;
}

}  // namespace tidemark::heapgraph
