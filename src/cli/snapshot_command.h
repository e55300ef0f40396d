// `tidemark snapshot --pid P`: the heap of a running Go program as a graph-only file.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark {

struct SnapshotCommandOptions {
  int pid = 0;
  std::string out;              // file, FIFO or "-"; empty: heap.PID.graph
  std::string exe;              // "" = /proc/PID/exe
  uint64_t max_copy_bytes = 0;  // 0 = half of the memory that is available
  bool spool = false;           // the copy lies in a temporary file, not in memory
  bool strict = false;          // no contents at all
  bool all_span_ids = false;    // of every span, not of a sample
};

// Returns the exit status.
int RunSnapshot(const SnapshotCommandOptions& options);

}  // namespace tidemark
