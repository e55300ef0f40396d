// Names for the globals of a Go heap, from the executable that it ran.
#pragma once

#include <memory>

#include "goheap/go_executable.h"
#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

// A source whose data segments (holders of kind kSegment, "data" and "bss") come apart into named
// globals; everything else as it is. Works on dumps, cores and graph-only files alike.
//
// An executable that is not the one that was dumped (another Go version, segments that do not lie
// at whole pages from its own) names nothing, and the fact "executable" says why.
class NamedGoHeap : public heapgraph::HeapSource {
 public:
  // `executable` outlives it.
  NamedGoHeap(std::unique_ptr<heapgraph::HeapSource> heap, const GoExecutable& executable)
      : heap_(std::move(heap)), executable_(executable) {}

  std::string_view format() const override { return heap_->format(); }
  Result<heapgraph::ReadOutcome> Read(heapgraph::HeapSink& sink, Wants wants) override;

  // After a Read: whether the executable fits, and what the loader added to its addresses.
  bool fits() const { return fits_; }
  uint64_t slide() const { return slide_; }

 private:
  class Filter;
  std::unique_ptr<heapgraph::HeapSource> heap_;
  const GoExecutable& executable_;
  bool fits_ = false;
  uint64_t slide_ = 0;
};

}  // namespace tidemark::goheap
