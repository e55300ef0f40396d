#include "heapgraph/depth_first.h"

#include <utility>

namespace tidemark::heapgraph {
namespace {

constexpr uint32_t kBetweenSigns = 1 << 16;  // of progress
constexpr size_t kTargetsAhead = 8;          // of a wide object, for which memory is asked
constexpr uint64_t kAhead = 24;  // elements for which memory is asked before they are used

// A reference that the walk met when its target had been visited already.
struct CrossReference {
  uint32_t from;  // preorder number
  uint32_t to;    // the object first, its preorder number later
};

class Walk {
 public:
  Walk(const HeapGraph& graph, Scratch& scratch, const Progress& progress, DepthFirstTree* tree)
      : graph_(graph),
        scratch_(scratch),
        progress_(progress),
        tree_(*tree),
        object_(scratch),
        parent_(scratch),
        stack_(scratch),
        cross_(scratch) {}

  Result<void> Run() {
    TIDEMARK_ASSIGN_OR_RETURN(visited_, Array<uint64_t>::Make(scratch_, graph_.size() / 64 + 1));
    TIDEMARK_RETURN_IF_ERROR(object_.Reserve(uint64_t{graph_.size()} + 1));
    TIDEMARK_RETURN_IF_ERROR(parent_.Reserve(uint64_t{graph_.size()} + 1));
    object_.Push(kNoObject);
    parent_.Push(0);
    for (const Root& root : graph_.roots()) {
      if (!Visited(root.object)) {
        TIDEMARK_RETURN_IF_ERROR(From(root.object));
      } else {
        TIDEMARK_RETURN_IF_ERROR(cross_.Reserve(1));
        cross_.Push({0, root.object});
      }
    }
    TIDEMARK_ASSIGN_OR_RETURN(tree_.object, object_.Finish());
    TIDEMARK_ASSIGN_OR_RETURN(tree_.parent, parent_.Finish());
    visited_.Reset();
    TIDEMARK_RETURN_IF_ERROR(NumberTargets());
    return GroupByTarget();
  }

 private:
  struct Position {
    uint32_t vertex;
    uint32_t next;  // reference of it to follow
  };

  bool Visited(ObjectId object) const { return (visited_[object / 64] >> object % 64 & 1) != 0; }

  Result<void> Visit(ObjectId object, uint32_t parent) {
    TIDEMARK_RETURN_IF_ERROR(stack_.Reserve(1));
    const auto targets = graph_.targets(object);
    const auto vertex = static_cast<uint32_t>(object_.size());
    visited_[object / 64] |= uint64_t{1} << object % 64;
    object_.Push(object);
    parent_.Push(parent);
    stack_.Push({vertex, 0});
    for (size_t i = 0; i < std::min(targets.size(), kTargetsAhead); ++i) {
      graph_.PrefetchRow(targets[i]);
    }
    scratch_.BreatheAt(vertex);
    if (vertex % kBetweenSigns == 0) {
      if (progress_) progress_("walking the graph", vertex, graph_.size());
    }
    return {};
  }

  Result<void> From(ObjectId root) {
    TIDEMARK_RETURN_IF_ERROR(Visit(root, 0));
    while (stack_.size() > 0) {
      Position& top = stack_[stack_.size() - 1];
      const uint32_t vertex = top.vertex;
      const auto targets = graph_.targets(object_[vertex]);
      ObjectId below = kNoObject;
      while (top.next < targets.size()) {
        if (top.next + kTargetsAhead < targets.size()) {
          graph_.PrefetchRow(targets[top.next + kTargetsAhead]);
        }
        const ObjectId target = targets[top.next++];
        scratch_.BreatheAt(++followed_);
        if (top.next < targets.size()) graph_.PrefetchTargets(targets[top.next]);
        if (!Visited(target)) {
          below = target;
          break;
        }
        TIDEMARK_RETURN_IF_ERROR(cross_.Reserve(1));
        cross_.Push({vertex, target});
      }
      if (below == kNoObject) {
        stack_.Pop();
      } else {
        TIDEMARK_RETURN_IF_ERROR(Visit(below, vertex));
      }
    }
    return {};
  }

  // The walk needs to know only whether an object was visited, which takes a bit of it; the numbers
  // are looked up here, many at a time.
  Result<void> NumberTargets() {
    TIDEMARK_ASSIGN_OR_RETURN(auto number, Array<uint32_t>::Make(scratch_, graph_.size()));
    const auto object = tree_.object.span();
    for (uint32_t vertex = 1; vertex < object.size(); ++vertex) {
      scratch_.BreatheAt(vertex);
      if (vertex + kAhead < object.size()) {
        __builtin_prefetch(&number[object[vertex + kAhead]], 1);
      }
      number[object[vertex]] = vertex;
    }
    const auto cross = cross_.span();
    for (uint64_t i = 0; i < cross.size(); ++i) {
      scratch_.BreatheAt(i);
      ProgressAt(progress_, "numbering references", i, cross.size());
      if (i + kAhead < cross.size()) __builtin_prefetch(&number[cross[i + kAhead].to]);
      cross[i].to = number[cross[i].to];
    }
    return {};
  }

  Result<void> GroupByTarget() {
    const uint64_t vertices = tree_.object.size();
    TIDEMARK_ASSIGN_OR_RETURN(tree_.predecessor_begin,
                              Array<uint64_t>::Make(scratch_, vertices + 1));
    TIDEMARK_ASSIGN_OR_RETURN(tree_.predecessor, Array<uint32_t>::Make(scratch_, cross_.size()));
    auto& begin = tree_.predecessor_begin;
    for (uint64_t i = 0; i < cross_.size(); ++i) {
      scratch_.BreatheAt(i);
      if (i + kAhead < cross_.size()) __builtin_prefetch(&begin[cross_[i + kAhead].to], 1);
      ++begin[cross_[i].to];
    }
    uint64_t sum = 0;
    for (uint64_t vertex = 0; vertex <= vertices; ++vertex) {
      scratch_.BreatheAt(vertex);
      sum += std::exchange(begin[vertex], sum);
    }
    for (uint64_t i = 0; i < cross_.size(); ++i) {
      scratch_.BreatheAt(i);
      ProgressAt(progress_, "grouping references", i, cross_.size());
      if (i + kAhead < cross_.size()) __builtin_prefetch(&begin[cross_[i + kAhead].to], 1);
      tree_.predecessor[begin[cross_[i].to]++] = cross_[i].from;
    }
    for (uint64_t vertex = vertices; vertex > 0; --vertex) {
      scratch_.BreatheAt(vertex);
      begin[vertex] = begin[vertex - 1];
    }
    begin[0] = 0;
    return {};
  }

  const HeapGraph& graph_;
  Scratch& scratch_;
  const Progress& progress_;
  DepthFirstTree& tree_;
  uint64_t followed_ = 0;    // references
  Array<uint64_t> visited_;  // [graph size] bits
  GrowingArray<ObjectId> object_;
  GrowingArray<uint32_t> parent_;
  GrowingArray<Position> stack_;
  GrowingArray<CrossReference> cross_;
};

}  // namespace

Result<DepthFirstTree> WalkDepthFirst(const HeapGraph& graph, Scratch& scratch,
                                      const Progress& progress) {
  DepthFirstTree tree;
  TIDEMARK_RETURN_IF_ERROR(Walk(graph, scratch, progress, &tree).Run());
  return tree;
}

}  // namespace tidemark::heapgraph
