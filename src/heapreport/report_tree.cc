#include "heapreport/report_tree.h"

#include <algorithm>

namespace tidemark {

using heapgraph::HeapGraph;
using heapgraph::kNoObject;
using heapgraph::RetainingNode;
using heapgraph::RetainingTree;
using heapgraph::RootKind;

namespace {

// The retained bytes from which on a node is shown, so that about `max_nodes` are. Those that keep
// nothing never are.
uint64_t Threshold(const RetainingTree& tree, size_t max_nodes) {
  if (tree.nodes.size() <= max_nodes) return 1;
  std::vector<uint64_t> bytes;
  bytes.reserve(tree.nodes.size());
  for (const RetainingNode& node : tree.nodes) bytes.push_back(node.retained_bytes);
  std::nth_element(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(max_nodes), bytes.end(),
                   std::greater<>());
  return bytes[max_nodes] + 1;
}

ReportNode Shown(const HeapGraph& graph, const RetainingNode& node, uint32_t parent) {
  return {.parent = parent,
          .name = NameOfNode(graph, node),
          .kind = node.holder == kNoObject ? "type" : RootKindName(graph.holder(node.holder).kind),
          .objects = node.objects,
          .bytes = node.bytes,
          .retained_objects = node.retained_objects,
          .retained_bytes = node.retained_bytes};
}

}  // namespace

std::string RootKindName(RootKind kind) {
  switch (kind) {
    case RootKind::kGlobal:
      return "global";
    case RootKind::kStack:
      return "stack";
    case RootKind::kHandle:
      return "handle";
    case RootKind::kSystem:
      return "system";
    case RootKind::kFinalizer:
      return "finalizer";
    case RootKind::kSegment:
      return "segment";
    case RootKind::kOther:
      return "root";
  }
  return "root";
}

std::vector<ReportNode> MakeReportTree(const HeapGraph& graph, const RetainingTree& tree,
                                       const RetainingChildren& children, size_t max_nodes) {
  std::vector<ReportNode> shown;
  if (tree.nodes.empty()) return shown;
  const uint64_t threshold = Threshold(tree, max_nodes);
  const RetainingNode& top = tree.nodes[0];
  shown.push_back(
      {0, "the heap", "heap", top.objects, top.bytes, top.retained_objects, top.retained_bytes});
  std::vector<uint32_t> source = {0};  // [shown] -> index in tree.nodes
  for (uint32_t at = 0; at < shown.size(); ++at) {
    if (shown[at].kind == "others") continue;
    ReportNode others{.parent = at, .kind = "others"};
    uint64_t left_out = 0;  // nodes that keep something
    for (const uint32_t child : children.of(source[at])) {
      const RetainingNode& node = tree.nodes[child];
      if (node.retained_bytes >= threshold) {
        shown.push_back(Shown(graph, node, at));
        source.push_back(child);
        continue;
      }
      left_out += node.retained_objects > 0 ? 1 : 0;
      others.objects += node.retained_objects;
      others.bytes += node.retained_bytes;
    }
    if (left_out == 0) continue;
    others.name = "(" + std::to_string(left_out) + " smaller)";
    others.retained_objects = others.objects;
    others.retained_bytes = others.bytes;
    shown.push_back(std::move(others));
    source.push_back(0);
  }
  return shown;
}

}  // namespace tidemark
