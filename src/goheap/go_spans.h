// OpenTelemetry spans that lie in a Go heap: their names, ids and times, out of the objects of
// go.opentelemetry.io/otel/sdk/trace.recordingSpan.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "goheap/go_executable.h"
#include "heapgraph/graph.h"

namespace tidemark::goheap {

struct GoSpan {
  heapgraph::ObjectId object = heapgraph::kNoObject;
  uint32_t name = 0;                   // in GoSpans::names
  int64_t start_ns = 0, end_ns = 0;    // Unix; end 0 = has not ended
  std::array<uint8_t, 16> trace_id{};  // both zero: not kept by who shrank the dump
  std::array<uint8_t, 8> span_id{};
};

struct GoSpans {
  heapgraph::Array<GoSpan> spans;  // garbage too, in the order of the dump
  std::vector<std::string> names;  // 0 is "": not in the dump, nor in the executable
  uint64_t implausible = 0;        // of the type by name, with no span's contents
};

// Reads the source twice more: spans, then the texts of their names (256 bytes of each at most, a
// million different ones). Offsets of fields come from the executable; without it from the layouts
// of SDK 1.4 to 1.45, tried only on objects that the dump says are of that package.
// `executable` may be null. Errors: the source's and the scratch's.
Result<GoSpans> FindSpans(heapgraph::HeapSource& source, const heapgraph::HeapGraph& graph,
                          const GoExecutable* executable, uint64_t slide,
                          heapgraph::Scratch& scratch);

}  // namespace tidemark::goheap
