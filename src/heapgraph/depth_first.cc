#include "heapgraph/depth_first.h"

#include <utility>

namespace tidemark::heapgraph {
namespace {

constexpr uint32_t kBetweenSigns = 1 << 16;  // of progress
constexpr uint32_t kUnvisited = ~0u;

// A reference that the walk met when its target had a number already.
struct CrossReference {
  uint32_t from, to;  // preorder numbers
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
    TIDEMARK_ASSIGN_OR_RETURN(number_, Array<uint32_t>::Make(scratch_, graph_.size()));
    for (uint32_t& number : number_.span()) number = kUnvisited;
    TIDEMARK_RETURN_IF_ERROR(object_.Reserve(uint64_t{graph_.size()} + 1));
    TIDEMARK_RETURN_IF_ERROR(parent_.Reserve(uint64_t{graph_.size()} + 1));
    object_.Push(kNoObject);
    parent_.Push(0);
    for (const Root& root : graph_.roots()) {
      if (number_[root.object] == kUnvisited) {
        TIDEMARK_RETURN_IF_ERROR(From(root.object));
      } else {
        TIDEMARK_RETURN_IF_ERROR(cross_.Reserve(1));
        cross_.Push({0, number_[root.object]});
      }
    }
    TIDEMARK_ASSIGN_OR_RETURN(tree_.object, object_.Finish());
    TIDEMARK_ASSIGN_OR_RETURN(tree_.parent, parent_.Finish());
    number_.Reset();
    return GroupByTarget();
  }

 private:
  struct Position {
    uint32_t vertex;
    uint32_t next;  // reference of it to follow
  };

  Result<void> Visit(ObjectId object, uint32_t parent) {
    TIDEMARK_RETURN_IF_ERROR(stack_.Reserve(1));
    const auto targets = graph_.targets(object);
    const auto vertex = static_cast<uint32_t>(object_.size());
    number_[object] = vertex;
    object_.Push(object);
    parent_.Push(parent);
    stack_.Push({vertex, 0});
    constexpr size_t kAhead = 8;  // of a wide object only the first; the rest as they are reached
    for (size_t i = 0; i < std::min(targets.size(), kAhead); ++i) Ask(targets[i]);
    scratch_.BreatheAt(vertex);
    if (vertex % kBetweenSigns == 0) {
      if (progress_) progress_("walking the graph", vertex, graph_.size());
    }
    return {};
  }

  void Ask(ObjectId target) {
    __builtin_prefetch(&number_[target]);
    graph_.PrefetchTargets(target);
  }

  Result<void> From(ObjectId root) {
    TIDEMARK_RETURN_IF_ERROR(Visit(root, 0));
    while (stack_.size() > 0) {
      Position& top = stack_[stack_.size() - 1];
      const uint32_t vertex = top.vertex;
      const auto targets = graph_.targets(object_[vertex]);
      ObjectId below = kNoObject;
      while (top.next < targets.size()) {
        if (top.next + 8 < targets.size()) Ask(targets[top.next + 8]);
        const ObjectId target = targets[top.next++];
        const uint32_t number = number_[target];
        if (number == kUnvisited) {
          below = target;
          break;
        }
        TIDEMARK_RETURN_IF_ERROR(cross_.Reserve(1));
        cross_.Push({vertex, number});
      }
      if (below == kNoObject) {
        stack_.Pop();
      } else {
        TIDEMARK_RETURN_IF_ERROR(Visit(below, vertex));
      }
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
      ++begin[cross_[i].to];
    }
    uint64_t sum = 0;
    for (uint64_t& each : begin.span()) sum += std::exchange(each, sum);
    for (uint64_t i = 0; i < cross_.size(); ++i) {
      scratch_.BreatheAt(i);
      tree_.predecessor[begin[cross_[i].to]++] = cross_[i].from;
    }
    for (uint64_t vertex = vertices; vertex > 0; --vertex) begin[vertex] = begin[vertex - 1];
    begin[0] = 0;
    return {};
  }

  const HeapGraph& graph_;
  Scratch& scratch_;
  const Progress& progress_;
  DepthFirstTree& tree_;
  Array<uint32_t> number_;  // [graph size] preorder number of each object
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
