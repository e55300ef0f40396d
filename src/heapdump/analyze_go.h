// What a Go heap gets beside what every heap gets: names of globals, types of objects, spans.
#pragma once

#include <memory>
#include <string>

#include "goheap/go_executable.h"
#include "goheap/go_naming.h"
#include "goheap/go_spans.h"
#include "heapreport/heap_analysis.h"

namespace tidemark {

// The source of one Go heap and its executable, from OpenDump to the end of an analysis.
class GoHeap {
 public:
  // `exe` "" = none: globals have no names then. Errors: GoExecutable::Open's.
  static Result<std::unique_ptr<GoHeap>> Make(std::unique_ptr<heapgraph::HeapSource> source,
                                              const std::string& exe);

  heapgraph::HeapSource& source() { return *source_; }
  // Types, once the graph is there. Errors: the scratch's.
  Result<void> TypeObjects(HeapAnalysis* analysis);
  // Spans, once the objects have types; may run beside others that read the graph.
  // Errors: the source's, the scratch's.
  Result<goheap::GoSpans> FindSpans(const heapgraph::HeapGraph& graph, heapgraph::Scratch& scratch);

 private:
  GoHeap() = default;
  std::unique_ptr<goheap::GoExecutable> executable_;  // null: none
  std::unique_ptr<heapgraph::HeapSource> source_;
  goheap::NamedGoHeap* named_ = nullptr;  // source_, where there is an executable
};

// Adds the spans that roots reach to an analysis, by owner. Errors: the scratch's.
Result<void> AddSpans(const goheap::GoSpans& found, HeapAnalysis* analysis);

}  // namespace tidemark
