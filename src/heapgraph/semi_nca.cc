#include "heapgraph/semi_nca.h"

namespace tidemark::heapgraph {
namespace {

class SemiNca {
 public:
  SemiNca(DepthFirstTree* tree, Scratch& scratch, const Progress& progress)
      : tree_(*tree), scratch_(scratch), progress_(progress), path_(scratch) {}

  Result<Array<uint32_t>> Run() {
    const uint32_t vertices = tree_.vertices();
    TIDEMARK_ASSIGN_OR_RETURN(dominator_, Array<uint32_t>::Make(scratch_, vertices));
    TIDEMARK_ASSIGN_OR_RETURN(semi_, Array<uint32_t>::Make(scratch_, vertices));
    TIDEMARK_ASSIGN_OR_RETURN(label_, Array<uint32_t>::Make(scratch_, vertices));
    for (uint32_t vertex = 0; vertex < vertices; ++vertex) {
      scratch_.BreatheAt(vertex);
      dominator_[vertex] = tree_.parent[vertex];
      semi_[vertex] = label_[vertex] = vertex;
    }
    TIDEMARK_RETURN_IF_ERROR(FindSemidominators());
    for (uint32_t vertex = 1; vertex < vertices; ++vertex) {
      scratch_.BreatheAt(vertex);
      uint32_t candidate = dominator_[vertex];
      while (candidate > semi_[vertex]) candidate = dominator_[candidate];
      dominator_[vertex] = candidate;
    }
    return std::move(dominator_);
  }

 private:
  Result<void> FindSemidominators() {
    const auto& begin = tree_.predecessor_begin;
    for (uint32_t vertex = tree_.vertices() - 1; vertex > 0; --vertex) {
      ProgressAt(progress_, "finding dominators", tree_.vertices() - vertex, tree_.vertices());
      uint32_t least = tree_.parent[vertex];
      for (uint64_t i = begin[vertex]; i < begin[vertex + 1]; ++i) {
        scratch_.BreatheAt(++touched_);
        TIDEMARK_ASSIGN_OR_RETURN(const uint32_t best, Evaluate(tree_.predecessor[i], vertex));
        least = std::min(least, semi_[best]);
      }
      semi_[vertex] = least;
      scratch_.BreatheAt(vertex);
    }
    return {};
  }

  // The vertex of least semidominator on the tree path above `vertex` as far as vertices are
  // linked, which are those greater than `linked_after`; the path is compressed. A vertex that is
  // not linked answers for itself.
  Result<uint32_t> Evaluate(uint32_t vertex, uint32_t linked_after) {
    if (vertex <= linked_after) return vertex;
    auto& ancestor = tree_.parent;
    while (ancestor[vertex] > linked_after) {
      TIDEMARK_RETURN_IF_ERROR(path_.Reserve(1));
      path_.Push(vertex);
      scratch_.BreatheAt(++touched_);
      vertex = ancestor[vertex];
    }
    uint32_t best = label_[vertex];
    const uint32_t top = ancestor[vertex];
    while (path_.size() > 0) {
      const uint32_t below = path_[path_.size() - 1];
      path_.Pop();
      if (semi_[label_[below]] < semi_[best]) {
        best = label_[below];
      } else {
        label_[below] = best;
      }
      ancestor[below] = top;
    }
    return best;
  }

  DepthFirstTree& tree_;
  Scratch& scratch_;
  const Progress& progress_;
  GrowingArray<uint32_t> path_;
  Array<uint32_t> dominator_, semi_, label_;
  uint64_t touched_ = 0;  // vertices on paths
};

}  // namespace

Result<Array<uint32_t>> ImmediateDominators(DepthFirstTree* tree, Scratch& scratch,
                                            const Progress& progress) {
  return SemiNca(tree, scratch, progress).Run();
}

}  // namespace tidemark::heapgraph
