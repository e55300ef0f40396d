#include "heapgraph/retaining_tree.h"

#include <unordered_map>

namespace tidemark::heapgraph {
namespace {

// A child of a node of the tree: a holder, or all objects of a type.
struct ChildKey {
  uint32_t parent;
  uint32_t type;  // kHolder: `holder` says which
  ObjectId holder;
  bool operator==(const ChildKey&) const = default;
};
constexpr uint32_t kHolder = ~0u;
constexpr size_t kAhead = 24;  // objects for which memory is asked before they are placed

struct HashChildKey {
  size_t operator()(const ChildKey& key) const {
    uint64_t mixed = (uint64_t{key.parent} << 32 | key.type) * 0x9E3779B97F4A7C15;
    mixed ^= mixed >> 29;
    return (mixed + key.holder) * 0xBF58476D1CE4E5B9 >> 7;
  }
};

class Builder {
 public:
  Builder(const HeapGraph& graph, const DominatorTree& tree, Scratch& scratch,
          const RetainingTreeLimits& limits)
      : graph_(graph), tree_(tree), scratch_(scratch), limits_(limits), open_(scratch) {
    result_.nodes.emplace_back();
    depth_.push_back(0);
    example_retained_.push_back(0);
  }

  Result<RetainingTree> Run() {
    const auto order = tree_.order.span();
    for (uint64_t place = 0; place < order.size(); ++place) {
      scratch_.BreatheAt(place);
      if (place + kAhead < order.size()) graph_.PrefetchShape(order[place + kAhead]);
      while (open_.size() > 0 && open_[open_.size() - 1].end == place) open_.Pop();
      const uint32_t above = open_.size() > 0 ? open_[open_.size() - 1].node : 0;
      const uint32_t node = Put(order[place], tree_.retained[place], above);
      if (tree_.extent[place] == 1) continue;
      TIDEMARK_RETURN_IF_ERROR(open_.Reserve(1));
      open_.Push({place + tree_.extent[place], node});
    }
    auto& nodes = result_.nodes;
    for (size_t i = nodes.size() - 1; i > 0; --i) {
      nodes[i].retained_bytes += nodes[i].bytes;
      nodes[i].retained_objects += nodes[i].objects;
      nodes[nodes[i].parent].retained_bytes += nodes[i].retained_bytes;
      nodes[nodes[i].parent].retained_objects += nodes[i].retained_objects;
    }
    nodes[0].retained_bytes += nodes[0].bytes;
    nodes[0].retained_objects += nodes[0].objects;
    return std::move(result_);
  }

 private:
  // Counts it at a node below `above`, or at that, and says where.
  uint32_t Put(ObjectId id, uint64_t retained, uint32_t above) {
    const bool holder = graph_.is_holder(id);
    uint32_t place = above;
    if (!Folds(id, above)) place = ChildOf(above, holder, id);
    RetainingNode& node = result_.nodes[place];
    node.objects += holder ? 0 : 1;
    node.own_objects += !holder && node.type == graph_.type(id) ? 1 : 0;
    node.bytes += graph_.bytes(id);
    if (place == above) return place;
    if (node.example == kNoObject || retained > example_retained_[place]) {
      node.example = id;
      example_retained_[place] = retained;
    }
    return place;
  }

  // The insides of a container count at the container; a chain of one type (a list's nodes) is one
  // step; at the top everything has a node of its own.
  bool Folds(ObjectId id, uint32_t above) const {
    if (above == 0 || graph_.is_holder(id)) return false;
    const TypeId type = graph_.type(id);
    const RetainingNode& node = result_.nodes[above];
    if (graph_.types()[type].internal) return true;
    return node.holder == kNoObject && node.type == type;
  }

  uint32_t ChildOf(uint32_t above, bool holder, ObjectId id) {
    if (depth_[above] >= limits_.depth) {
      ++result_.cut_objects;
      return above;
    }
    const ChildKey key{above, holder ? kHolder : graph_.type(id), holder ? id : kNoObject};
    if (key == recent_key_) return recent_node_;
    if (const auto found = children_.find(key); found != children_.end()) {
      recent_key_ = key;
      return recent_node_ = found->second;
    }
    if (result_.nodes.size() >= limits_.nodes) {
      ++result_.cut_objects;
      return above;
    }
    const auto place = static_cast<uint32_t>(result_.nodes.size());
    children_.emplace(key, place);
    depth_.push_back(depth_[above] + 1);
    example_retained_.push_back(0);
    RetainingNode node;
    node.parent = above;
    node.holder = key.holder;
    node.type = holder ? 0 : key.type;
    result_.nodes.push_back(node);
    return place;
  }

  const HeapGraph& graph_;
  const DominatorTree& tree_;
  Scratch& scratch_;
  const RetainingTreeLimits& limits_;
  struct Open {
    uint64_t end;  // place behind the last that it dominates
    uint32_t node;
  };
  GrowingArray<Open> open_;                 // the dominators above, outermost first
  std::vector<uint32_t> depth_;             // by node
  std::vector<uint64_t> example_retained_;  // by node, bytes
  std::unordered_map<ChildKey, uint32_t, HashChildKey> children_;
  ChildKey recent_key_{~0u, 0, 0};
  uint32_t recent_node_ = 0;
  RetainingTree result_;
};

}  // namespace

Result<RetainingTree> BuildRetainingTree(const HeapGraph& graph, const DominatorTree& tree,
                                         Scratch& scratch, const RetainingTreeLimits& limits) {
  return Builder(graph, tree, scratch, limits).Run();
}

}  // namespace tidemark::heapgraph
