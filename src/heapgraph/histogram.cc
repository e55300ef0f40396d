#include "heapgraph/histogram.h"

#include <algorithm>

namespace tidemark::heapgraph {
namespace {

constexpr size_t kAhead = 8;  // children for which memory is asked before they are entered

// Walks the dominator tree and counts how many objects of each type are above.
class Nesting {
 public:
  Nesting(const HeapGraph& graph, const DominatorTree& tree, Scratch& scratch,
          std::vector<TypeRow>* rows)
      : graph_(graph),
        tree_(tree),
        rows_(*rows),
        scratch_(scratch),
        above_(graph.types().size(), 0),
        open_(scratch) {}

  Result<void> Run() {
    for (const ObjectId top : tree_.top_level()) {
      TIDEMARK_RETURN_IF_ERROR(Enter(top));
      while (open_.size() > 0) {
        Position& position = open_[open_.size() - 1];
        const auto children = tree_.children_of(position.object);
        if (position.next < children.size()) {
          if (position.next + kAhead < children.size()) Ask(children[position.next + kAhead]);
          TIDEMARK_RETURN_IF_ERROR(Enter(children[position.next++]));
        } else {
          if (!graph_.is_holder(position.object)) --above_[graph_.type(position.object)];
          open_.Pop();
        }
      }
    }
    return {};
  }

 private:
  struct Position {
    ObjectId object;
    uint32_t next;
  };

  void Ask(ObjectId object) const {
    graph_.PrefetchType(object);
    __builtin_prefetch(&tree_.retained_bytes[object]);
    __builtin_prefetch(&tree_.child_begin[object]);
  }

  Result<void> Enter(ObjectId object) {
    scratch_.BreatheAt(++entered_);
    const bool counts = !graph_.is_holder(object);
    if (counts && above_[graph_.type(object)]++ == 0) {
      rows_[graph_.type(object)].retained_bytes += tree_.retained_bytes[object];
    }
    if (const auto children = tree_.children_of(object); !children.empty()) {
      TIDEMARK_RETURN_IF_ERROR(open_.Reserve(1));
      open_.Push({object, 0});
      for (size_t i = 0; i < std::min(children.size(), kAhead); ++i) Ask(children[i]);
    } else if (counts) {
      --above_[graph_.type(object)];
    }
    return {};
  }

  const HeapGraph& graph_;
  const DominatorTree& tree_;
  std::vector<TypeRow>& rows_;
  Scratch& scratch_;
  std::vector<uint32_t> above_;
  uint64_t entered_ = 0;
  GrowingArray<Position> open_;
};

}  // namespace

Result<std::vector<TypeRow>> TypeHistogram(const HeapGraph& graph, const DominatorTree& tree,
                                           Scratch& scratch) {
  std::vector<TypeRow> rows(graph.types().size());
  for (TypeId type = 0; type < rows.size(); ++type) rows[type].type = type;
  for (ObjectId id = graph.holder_count(); id < graph.size(); ++id) {
    scratch.BreatheAt(id);
    if (!tree.reachable(id)) continue;
    TypeRow& row = rows[graph.type(id)];
    ++row.objects;
    row.bytes += graph.bytes(id);
  }
  TIDEMARK_RETURN_IF_ERROR(Nesting(graph, tree, scratch, &rows).Run());
  std::erase_if(rows, [](const TypeRow& row) { return row.objects == 0; });
  std::sort(rows.begin(), rows.end(), [](const TypeRow& a, const TypeRow& b) {
    if (a.retained_bytes != b.retained_bytes) return a.retained_bytes > b.retained_bytes;
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.type < b.type;
  });
  return rows;
}

}  // namespace tidemark::heapgraph
