#include "heapgraph/semi_nca.h"

#include <algorithm>

namespace tidemark::heapgraph {
namespace {

class SemiNca {
 public:
  SemiNca(DepthFirstTree* tree, Scratch& scratch, const Progress& progress)
      : tree_(*tree), scratch_(scratch), progress_(progress), path_(scratch) {}

  Result<Array<uint32_t>> Run() {
    const uint32_t vertices = tree_.vertices();
    TIDEMARK_ASSIGN_OR_RETURN(above_, Array<uint32_t>::Make(scratch_, vertices));
    TIDEMARK_ASSIGN_OR_RETURN(label_, Array<uint32_t>::Make(scratch_, vertices));
    for (uint32_t vertex = 0; vertex < vertices; ++vertex) {
      scratch_.BreatheAt(vertex);
      above_[vertex] = tree_.parent[vertex];
    }
    TIDEMARK_RETURN_IF_ERROR(FindSemidominators());
    FindDominators();
    return std::move(above_);
  }

 private:
  // The first of the references that point where the one before `end` does.
  uint64_t BeginOfGroup(uint64_t end) const {
    uint64_t begin = end - 1;
    while (begin > 0 && tree_.cross[begin - 1].to == tree_.cross[begin].to) --begin;
    return begin;
  }

  // Only vertices that more than one reference reaches have others than their parents. The parent
  // of each is kept in `from` of its first reference: paths through it may be compressed later.
  Result<void> FindSemidominators() {
    auto& cross = tree_.cross;
    for (uint64_t end = cross.size(), begin; end > 0; end = begin) {
      begin = BeginOfGroup(end);
      const uint32_t vertex = cross[begin].to, parent = tree_.parent[vertex];
      uint32_t least = parent;
      for (uint64_t i = begin; i < end; ++i) {
        scratch_.BreatheAt(++touched_);
        ProgressAt(progress_, "finding dominators", cross.size() - i, cross.size());
        TIDEMARK_ASSIGN_OR_RETURN(const uint32_t candidate, Evaluate(cross[i].from, vertex));
        least = std::min(least, candidate);
      }
      above_[vertex] = least;
      cross[begin].from = parent;
    }
    return {};
  }

  void FindDominators() {
    const auto& cross = tree_.cross;
    for (uint64_t i = 0; i < cross.size(); ++i) {
      scratch_.BreatheAt(i);
      if (i > 0 && cross[i].to == cross[i - 1].to) continue;
      const uint32_t semidominator = above_[cross[i].to];
      uint32_t candidate = cross[i].from;
      while (candidate > semidominator) candidate = above_[candidate];
      above_[cross[i].to] = candidate;
    }
  }

  // The least semidominator on the tree path above `vertex` as far as vertices are linked, which
  // are those greater than `linked_after`; the path is compressed. A vertex that is not linked
  // answers for itself.
  Result<uint32_t> Evaluate(uint32_t vertex, uint32_t linked_after) {
    if (vertex <= linked_after) return vertex;
    auto& ancestor = tree_.parent;
    while (ancestor[vertex] > linked_after) {
      TIDEMARK_RETURN_IF_ERROR(path_.Reserve(1));
      path_.Push(vertex);
      scratch_.BreatheAt(++touched_);
      vertex = ancestor[vertex];
    }
    uint32_t best = LabelOf(vertex);
    const uint32_t top = ancestor[vertex];
    while (path_.size() > 0) {
      const uint32_t below = path_[path_.size() - 1];
      path_.Pop();
      if (above_[LabelOf(below)] < above_[best]) {
        best = LabelOf(below);
      } else {
        label_[below] = best;
      }
      ancestor[below] = top;
    }
    return above_[best];
  }

  uint32_t LabelOf(uint32_t vertex) const { return label_[vertex] == 0 ? vertex : label_[vertex]; }

  DepthFirstTree& tree_;
  Scratch& scratch_;
  const Progress& progress_;
  GrowingArray<uint32_t> path_;
  Array<uint32_t> above_;  // semidominators, where they are known; then dominators
  Array<uint32_t> label_;  // 0: the vertex itself
  uint64_t touched_ = 0;   // vertices on paths
};

}  // namespace

Result<Array<uint32_t>> ImmediateDominators(DepthFirstTree* tree, Scratch& scratch,
                                            const Progress& progress) {
  return SemiNca(tree, scratch, progress).Run();
}

}  // namespace tidemark::heapgraph
