// The retaining tree as reports show it: its heaviest nodes, the others summed up.
#pragma once

#include <vector>

#include "heapreport/heap_report.h"
#include "heapreport/retaining_chain.h"

namespace tidemark {

// About `max_nodes` of the heaviest nodes, parents first, siblings by falling retained bytes; where
// children are left out, a node of kind "others" stands for them. Identity: a node's retained bytes
// are its own and those its children retain.
std::vector<ReportNode> MakeReportTree(const heapgraph::HeapGraph& graph,
                                       const heapgraph::RetainingTree& tree,
                                       const RetainingChildren& children, size_t max_nodes);

// "global", "stack", ...: what a named root is.
std::string RootKindName(heapgraph::RootKind kind);

}  // namespace tidemark
