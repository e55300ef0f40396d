// A dump, of any size and read once, becomes a graph-only file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "graphfile/allow_list.h"
#include "graphfile/graph_writer.h"
#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

struct ShrinkOptions {
  bool strict = false;                                // no contents at all
  bool all_span_ids = false;                          // see AllowListOptions
  int level = 6;                                      // of zstd, 1 to 19
  std::function<void(uint64_t done_bytes)> progress;  // called often, by the calling thread
};

struct ShrinkReport {
  uint64_t in_bytes = 0;  // of the dump, uncompressed
  uint64_t out_bytes = 0;
  uint64_t objects = 0, references = 0;
  AllowListTotals contents;
  GraphWriterTotals written;
  double seconds = 0;
  uint64_t peak_resident_bytes = 0;  // of the process, so far; 0 = not known
  std::string damage;                // of the dump: what comes after it is missing

  double ratio() const;  // out / in; 0 of nothing
  double megabytes_per_second() const;
};

// Adds about 30 MiB to what the source takes. When `write` fails the source is read to its end all
// the same, so that a program that writes its dump into a pipe is not stopped.
// Errors: the source's Read (then `write` has got a file without an end), the first of `write`.
Result<ShrinkReport> Shrink(heapgraph::HeapSource& source, WriteBytes write,
                            const ShrinkOptions& options = {});

}  // namespace tidemark::graphfile
