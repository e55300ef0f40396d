// The one place that knows every format of heap dump: looks at a file's first bytes and opens it
// with the reader that fits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "heapgraph/heap_events.h"
#include "heapgraph/scratch.h"

namespace tidemark {

enum class DumpFormat : uint8_t { kGoDump, kGoCore, kHprof, kV8Snapshot, kGraphFile };

struct OpenDumpOptions {
  // Go: the program that was dumped, for the names of its globals and its types. "" = none; of a
  // core, the executable that it names.
  std::string exe;
  bool mat_compat = false;  // HPROF: Eclipse MAT's model of references
  // Where a V8 snapshot's arrays lie; outlives the source. Null: in memory.
  heapgraph::Scratch* scratch = nullptr;
  // True: the source is read once only, so that a pipe is read as it comes. False: a pipe is
  // copied into an unlinked file of `temp_directory` first.
  bool one_reading = false;
  // True: what is told at once is small, where that costs the listener time (HPROF's large arrays).
  bool little_memory = false;
  std::string temp_directory;               // "" = $TMPDIR or /tmp
  uint64_t max_spooled_bytes = 1ULL << 40;  // of a pipe's copy
};

struct OpenedDump {
  std::unique_ptr<heapgraph::HeapSource> source;
  DumpFormat format = DumpFormat::kGraphFile;
  bool gzip = false;
  std::string exe;           // Go: the options', or the one that a core names
  uint64_t file_bytes = 0;   // as it lies on the disk; 0 = a pipe
  int64_t file_time_ns = 0;  // when it was last written; 0 = a pipe
};

// `path`: a file, a FIFO, or "-" for the standard input. Globals are named, where `exe` tells how.
// Errors: not found and i/o, naming the path; invalid argument for a file of no known format, with
// its first bytes and the formats that are known; the reader's.
Result<OpenedDump> OpenDump(const std::string& path, const OpenDumpOptions& options = {});

}  // namespace tidemark
