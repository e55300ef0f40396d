// Everything that was worked out of one heap dump: what a report is made from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "heapgraph/dominators.h"
#include "heapgraph/graph.h"
#include "heapgraph/growth.h"
#include "heapgraph/histogram.h"
#include "heapgraph/retaining_tree.h"
#include "heapgraph/scratch.h"
#include "heapgraph/suspects.h"
#include "heapreport/heap_report.h"

namespace tidemark {

// Spans that lie in the heap under one owner, as a reader of spans found them.
struct SpansUnder {
  heapgraph::ObjectId owner = heapgraph::kNoObject;    // a top-level object or holder
  heapgraph::ObjectId example = heapgraph::kNoObject;  // one of the spans
  HeldSpans spans;
};

// Moves; the arrays live in `scratch`, which is therefore the first member.
struct HeapAnalysis {
  std::unique_ptr<heapgraph::Scratch> scratch;
  std::unique_ptr<heapgraph::HeapGraph> graph;
  heapgraph::DominatorTree tree;
  heapgraph::RetainingTree retaining;
  std::vector<heapgraph::TypeRow> types;
  std::vector<heapgraph::Suspect> suspects;
  std::vector<SpansUnder> spans;  // by falling count
  std::string file;               // as it was named
  HeapRuntime runtime = HeapRuntime::kOther;
  uint64_t file_bytes = 0;
  int64_t time_ns = 0;                // of the dump; 0 = unknown
  std::optional<ObjectsSince> since;  // of the earlier of two snapshots, where ids tell
  std::vector<std::string> notes;     // what a reader of the report should know
};

}  // namespace tidemark
