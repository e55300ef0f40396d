// From a dump to everything that is said about it.
#pragma once

#include <atomic>
#include <string>

#include "heapdump/open_dump.h"
#include "heapreport/heap_analysis.h"

namespace tidemark {

struct AnalyzeOptions {
  OpenDumpOptions open;
  // Memory for the graph; what is larger lies in unlinked files of open.temp_directory. 0 = no
  // limit, nothing in files.
  uint64_t memory_bytes = 0;
  heapgraph::Progress progress;  // called on the caller's thread
  // Set from another thread: the analysis ends soon, with "unavailable".
  const std::atomic<bool>* stop = nullptr;
  heapgraph::SuspectSettings suspects;
};

// Blocks for as long as it takes. Errors: OpenDump's and the reader's, with the path before them;
// the scratch's. A damaged dump is no error: graph->damage() says so.
Result<HeapAnalysis> AnalyzeDump(const std::string& path, const AnalyzeOptions& options = {});

}  // namespace tidemark
