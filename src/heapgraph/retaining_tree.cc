#include "heapgraph/retaining_tree.h"

#include <vector>

namespace tidemark::heapgraph {
namespace {

constexpr size_t kAhead = 24;  // objects for which memory is asked before they are placed

// Nodes by what they are below, and their type: a table with open addressing, looked up for most
// objects of a heap.
class ChildTable {
 public:
  // The node, or 0: there is none yet, and Put makes it known.
  uint32_t Find(uint32_t parent, TypeId type) const {
    const uint64_t key = KeyOf(parent, type);
    for (size_t at = HomeOf(key);; at = (at + 1) % slots_.size()) {
      if (slots_[at].key == key) return slots_[at].node;
      if (slots_[at].key == kFree) return 0;
    }
  }
  void Put(uint32_t parent, TypeId type, uint32_t node) {
    if (2 * ++used_ > slots_.size()) Grow();
    Insert({KeyOf(parent, type), node});
  }

 private:
  struct Slot {
    uint64_t key = kFree;
    uint32_t node = 0;
  };
  static constexpr uint64_t kFree = ~uint64_t{0};  // no type has this number
  static uint64_t KeyOf(uint32_t parent, TypeId type) { return uint64_t{parent} << 32 | type; }
  size_t HomeOf(uint64_t key) const { return (key * 0x9E3779B97F4A7C15 >> 32) % slots_.size(); }
  void Insert(const Slot& slot) {
    size_t at = HomeOf(slot.key);
    while (slots_[at].key != kFree) at = (at + 1) % slots_.size();
    slots_[at] = slot;
  }
  void Grow() {
    std::vector<Slot> slots(2 * slots_.size());
    slots.swap(slots_);
    for (const Slot& slot : slots) {
      if (slot.key != kFree) Insert(slot);
    }
  }

  std::vector<Slot> slots_ = std::vector<Slot>(1024);  // a power of two, at most half taken
  size_t used_ = 0;
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
      const uint32_t node = Put(order[place], tree_.retained(place), above);
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
    const TypeId type = holder ? 0 : graph_.type(id);
    if (!holder) {  // of which there is one of each
      const uint32_t known = children_.Find(above, type);
      if (known != 0) return known;
    }
    if (result_.nodes.size() >= limits_.nodes) {
      ++result_.cut_objects;
      return above;
    }
    const auto place = static_cast<uint32_t>(result_.nodes.size());
    if (!holder) children_.Put(above, type, place);
    depth_.push_back(depth_[above] + 1);
    example_retained_.push_back(0);
    RetainingNode node;
    node.parent = above;
    node.holder = holder ? id : kNoObject;
    node.type = type;
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
  ChildTable children_;
  RetainingTree result_;
};

}  // namespace

Result<RetainingTree> BuildRetainingTree(const HeapGraph& graph, const DominatorTree& tree,
                                         Scratch& scratch, const RetainingTreeLimits& limits) {
  return Builder(graph, tree, scratch, limits).Run();
}

}  // namespace tidemark::heapgraph
