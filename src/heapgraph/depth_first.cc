#include "heapgraph/depth_first.h"

#include <algorithm>
#include <future>

#include "heapgraph/radix_sort.h"

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kAhead = 24;      // elements for which memory is asked before they are used
constexpr size_t kTargetsAhead = 8;  // likewise, of those to be visited next
constexpr size_t kRowsAhead = 4;     // likewise, of those behind them

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
    TIDEMARK_RETURN_IF_ERROR(MarkLeaves());
    TIDEMARK_RETURN_IF_ERROR(object_.Reserve(uint64_t{graph_.size()} + 1));
    TIDEMARK_RETURN_IF_ERROR(parent_.Reserve(uint64_t{graph_.size()} + 1));
    object_.Push(kNoObject);
    parent_.Push(0);
    for (const Root& root : graph_.roots()) {
      TIDEMARK_RETURN_IF_ERROR(stack_.Reserve(1));
      stack_.Push({0, root.object});
      TIDEMARK_RETURN_IF_ERROR(Follow());
    }
    state_.Reset();
    stack_.Reset();
    TIDEMARK_ASSIGN_OR_RETURN(tree_.object, object_.Finish());
    TIDEMARK_ASSIGN_OR_RETURN(tree_.parent, parent_.Finish());
    TIDEMARK_ASSIGN_OR_RETURN(tree_.cross, cross_.Finish());
    TIDEMARK_RETURN_IF_ERROR(NumberTargets());
    return RadixSort(
        &tree_.cross, [](const CrossReference& each) { return each.to; }, scratch_);
  }

 private:
  using CrossReference = DepthFirstTree::CrossReference;
  // A reference that is still to be followed.
  struct Open {
    uint32_t from;  // preorder number
    ObjectId to;
  };
  // Two bits for each object, 32 of them in a word.
  static constexpr uint64_t kVisited = 1, kLeaf = 2;
  static constexpr uint32_t kInWord = 32;
  uint64_t StateOf(ObjectId object) const {
    return state_[object / kInWord] >> object % kInWord * 2 & (kVisited | kLeaf);
  }

  // Objects without references, which are most of them, need no look at their rows.
  Result<void> MarkLeaves() {
    TIDEMARK_ASSIGN_OR_RETURN(state_, Array<uint64_t>::Make(scratch_, graph_.size() / kInWord + 1));
    const ObjectId half = graph_.size() / 2 / kInWord * kInWord;
    auto rest = std::async(scratch_.spills() ? std::launch::deferred : std::launch::async,
                           [&] { MarkLeaves(half, graph_.size()); });
    MarkLeaves(0, half);
    rest.get();
    return {};
  }
  void MarkLeaves(ObjectId begin, ObjectId end) {
    for (ObjectId id = begin; id < end; ++id) {
      scratch_.BreatheAt(id);
      if (graph_.targets(id).empty()) state_[id / kInWord] |= kLeaf << id % kInWord * 2;
    }
  }

  void Visit(ObjectId object, uint32_t parent) {
    state_[object / kInWord] |= kVisited << object % kInWord * 2;
    object_.Push(object);
    parent_.Push(parent);
  }

  // What is open, until nothing is. Of an object's targets the leaves come first; which order they
  // come in makes no difference to the dominators.
  Result<void> Follow() {
    while (stack_.size() > 0) {
      const Open open = stack_[stack_.size() - 1];
      stack_.Pop();
      const uint64_t state = StateOf(open.to);
      if ((state & kVisited) != 0) {
        TIDEMARK_RETURN_IF_ERROR(cross_.Reserve(1));
        cross_.Push({open.from, open.to});
        continue;
      }
      const auto vertex = static_cast<uint32_t>(object_.size());
      ProgressAt(progress_, "walking the graph", vertex, graph_.size());
      scratch_.BreatheAt(vertex);
      Visit(open.to, open.from);
      if ((state & kLeaf) != 0) continue;
      const uint64_t below = stack_.size();
      TIDEMARK_RETURN_IF_ERROR(OpenTargets(graph_.targets(open.to), vertex));
      AskForNext(below);
    }
    return {};
  }

  Result<void> OpenTargets(std::span<const ObjectId> targets, uint32_t from) {
    if (!stack_.HasRoom(targets.size())) TIDEMARK_RETURN_IF_ERROR(stack_.Reserve(targets.size()));
    if (!cross_.HasRoom(targets.size())) TIDEMARK_RETURN_IF_ERROR(cross_.Reserve(targets.size()));
    for (const ObjectId target : targets) {
      scratch_.BreatheAt(++followed_);
      const uint64_t state = StateOf(target);
      if ((state & kVisited) != 0) {
        cross_.Push({from, target});
      } else if ((state & kLeaf) != 0) {
        Visit(target, from);
      } else {
        stack_.Push({from, target});
      }
    }
    return {};
  }

  // Asks for the rows of those that were opened last, for the targets of the next, and for the rows
  // of what the very next opens, whose targets were asked for before.
  void AskForNext(uint64_t below) {
    const uint64_t size = stack_.size();
    for (uint64_t i = std::max(below, size - std::min(size, kTargetsAhead)); i < size; ++i) {
      graph_.PrefetchRow(stack_[i].to);
    }
    for (uint64_t i = 2; i <= 4 && i <= size; ++i) graph_.PrefetchTargets(stack_[size - i].to);
    if (size < 2) return;
    const auto targets = graph_.targets(stack_[size - 2].to);
    for (const ObjectId target : targets.first(std::min(targets.size(), kRowsAhead))) {
      graph_.PrefetchRow(target);
    }
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
    const auto cross = tree_.cross.span();
    for (uint64_t i = 0; i < cross.size(); ++i) {
      scratch_.BreatheAt(i);
      ProgressAt(progress_, "numbering references", i, cross.size());
      if (i + kAhead < cross.size()) __builtin_prefetch(&number[cross[i + kAhead].to]);
      cross[i].to = number[cross[i].to];
    }
    return {};
  }

  const HeapGraph& graph_;
  Scratch& scratch_;
  const Progress& progress_;
  DepthFirstTree& tree_;
  uint64_t followed_ = 0;  // references
  Array<uint64_t> state_;
  GrowingArray<ObjectId> object_;
  GrowingArray<uint32_t> parent_;
  GrowingArray<Open> stack_;
  GrowingArray<CrossReference> cross_;  // `to`: the object first, its preorder number later
};

}  // namespace

Result<DepthFirstTree> WalkDepthFirst(const HeapGraph& graph, Scratch& scratch,
                                      const Progress& progress) {
  DepthFirstTree tree;
  TIDEMARK_RETURN_IF_ERROR(Walk(graph, scratch, progress, &tree).Run());
  return tree;
}

}  // namespace tidemark::heapgraph
