// `tidemark shrink DUMP`: a dump of any size becomes a graph-only file.
#pragma once

#include <string>

namespace tidemark {

struct ShrinkCommandOptions {
  std::string dump;           // file, FIFO or "-"
  std::string out;            // file, FIFO or "-"; empty: DUMP.graph, "-" for the standard input
  bool strict = false;        // no contents at all
  bool all_span_ids = false;  // of every span, not of a sample
  int level = 6;              // of zstd
};

// Returns the exit status.
int RunShrink(const ShrinkCommandOptions& options);

}  // namespace tidemark
