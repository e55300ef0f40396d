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
  Builder(const HeapGraph& graph, const DominatorTree& tree, Array<uint32_t> node_of,
          Scratch& scratch, const RetainingTreeLimits& limits)
      : graph_(graph),
        tree_(tree),
        scratch_(scratch),
        limits_(limits),
        node_of_(std::move(node_of)) {
    result_.nodes.emplace_back();
    depth_.push_back(0);
  }

  RetainingTree Run() {
    const auto order = tree_.order.span();
    for (size_t i = 0; i < order.size(); ++i) {
      scratch_.BreatheAt(i);
      if (i + kAhead < order.size()) Ask(order[i + kAhead]);
      Place(order[i]);
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
  void Ask(ObjectId id) const {
    graph_.PrefetchShape(id);
    __builtin_prefetch(&tree_.parent[id]);
    __builtin_prefetch(&tree_.retained_bytes[id]);
    __builtin_prefetch(&node_of_[id], 1);
  }

  void Place(ObjectId id) {
    const ObjectId dominator = tree_.parent[id];
    const uint32_t above = dominator == kNoObject ? 0 : node_of_[dominator];
    const bool holder = graph_.is_holder(id);
    uint32_t place = above;
    if (!Folds(id, above)) place = ChildOf(above, holder, id);
    node_of_[id] = place;
    RetainingNode& node = result_.nodes[place];
    node.objects += holder ? 0 : 1;
    node.own_objects += !holder && node.type == graph_.type(id) ? 1 : 0;
    node.bytes += graph_.bytes(id);
    if (place == above) return;
    if (node.example == kNoObject ||
        tree_.retained_bytes[id] > tree_.retained_bytes[node.example]) {
      node.example = id;
    }
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
  Array<uint32_t> node_of_;      // by object
  std::vector<uint32_t> depth_;  // by node
  std::unordered_map<ChildKey, uint32_t, HashChildKey> children_;
  ChildKey recent_key_{~0u, 0, 0};
  uint32_t recent_node_ = 0;
  RetainingTree result_;
};

}  // namespace

Result<RetainingTree> BuildRetainingTree(const HeapGraph& graph, const DominatorTree& tree,
                                         Scratch& scratch, const RetainingTreeLimits& limits) {
  TIDEMARK_ASSIGN_OR_RETURN(auto node_of, Array<uint32_t>::Make(scratch, graph.size()));
  return Builder(graph, tree, std::move(node_of), scratch, limits).Run();
}

}  // namespace tidemark::heapgraph
