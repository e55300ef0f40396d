#include "heapreport/retaining_chain.h"

#include <algorithm>

#include "heapreport/words.h"

namespace tidemark {
namespace {

constexpr double kMost = 0.5;  // of what the top of the chain keeps
constexpr uint64_t kPileRatio = 10;
constexpr uint64_t kPileObjects = 16;

}  // namespace

using heapgraph::HeapGraph;
using heapgraph::kNoObject;
using heapgraph::RetainingNode;
using heapgraph::RetainingTree;

RetainingChildren::RetainingChildren(const RetainingTree& tree) {
  const auto& nodes = tree.nodes;
  begin_.assign(nodes.size() + 1, 0);
  for (size_t i = 1; i < nodes.size(); ++i) ++begin_[nodes[i].parent + 1];
  for (size_t i = 1; i < begin_.size(); ++i) begin_[i] += begin_[i - 1];
  children_.resize(nodes.empty() ? 0 : nodes.size() - 1);
  std::vector<uint32_t> next(begin_.begin(), begin_.end());
  for (uint32_t i = 1; i < nodes.size(); ++i) children_[next[nodes[i].parent]++] = i;
  for (size_t i = 0; i < nodes.size(); ++i) {
    std::sort(children_.begin() + begin_[i], children_.begin() + begin_[i + 1],
              [&](uint32_t a, uint32_t b) {
                return nodes[a].retained_bytes != nodes[b].retained_bytes
                           ? nodes[a].retained_bytes > nodes[b].retained_bytes
                           : a < b;
              });
  }
}

std::string NameOfObject(const HeapGraph& graph, heapgraph::ObjectId id) {
  if (id == kNoObject) return "(nothing)";
  const std::string& name =
      graph.is_holder(id) ? graph.holder(id).name : graph.types()[graph.type(id)].name;
  return Presentable(name.empty() ? "(unnamed)" : name);
}

std::string NameOfNode(const HeapGraph& graph, const RetainingNode& node) {
  if (node.holder != kNoObject) return NameOfObject(graph, node.holder);
  return Presentable(graph.types()[node.type].name);
}

uint32_t TopLevelNode(const HeapGraph& graph, const RetainingTree& tree,
                      const RetainingChildren& children, heapgraph::ObjectId object) {
  if (tree.nodes.empty()) return 0;
  for (const uint32_t child : children.of(0)) {
    const RetainingNode& node = tree.nodes[child];
    const bool same = graph.is_holder(object)
                          ? node.holder == object
                          : node.holder == kNoObject && node.type == graph.type(object);
    if (same) return child;
  }
  return 0;
}

std::vector<uint32_t> ChainFrom(const RetainingTree& tree, const RetainingChildren& children,
                                uint32_t node) {
  std::vector<uint32_t> chain = {node};
  while (true) {
    const auto below = children.of(chain.back());
    if (below.empty()) break;
    const auto whole = static_cast<double>(tree.nodes[node].retained_bytes);
    if (static_cast<double>(tree.nodes[below[0]].retained_bytes) < kMost * whole) break;
    chain.push_back(below[0]);
  }
  size_t pile = 0;
  for (size_t i = 1; i < chain.size(); ++i) {
    const uint64_t objects = tree.nodes[chain[i]].objects;
    const uint64_t above = std::max<uint64_t>(1, tree.nodes[chain[i - 1]].objects);
    if (objects >= kPileObjects && objects / kPileRatio >= above) pile = i;
  }
  if (pile > 0) chain.resize(pile + 1);
  return chain;
}

}  // namespace tidemark
