// The heap of a running Go program, without its help: stopped for as long as a copy takes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>

#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

struct SnapshotOptions {
  // Bytes that the copy may have: 0 = half of what the machine has available. What noscan objects
  // hold (texts, buffers) is not copied, but for those of up to `max_text_bytes`.
  uint64_t max_copy_bytes = 0;
  uint64_t max_text_bytes = 256;
  // The copy is an unlinked file there; "" = in memory.
  std::string spool_directory;
  int threads = 2;
  std::chrono::milliseconds patience{2000};  // for threads to stop
  std::string executable;                    // "" = /proc/PID/exe
};

struct SnapshotReport {
  double pause_ms = 0;  // from the first thread's stop to the last one's resumption
  uint64_t threads = 0;
  uint64_t spans = 0, copied_bytes = 0, unreadable_bytes = 0;
};

// Stops the process with ptrace, reads the runtime's tables, copies what can hold pointers, resumes
// it; it goes on whatever happens here. The source tells the heap as it was then. Types that are
// not in the executable (made by reflect, of plugins) are read from the process when they are
// needed, so it had better live until the source was read. Errors: not found (no such process),
// unavailable (no permission: says what is missing; traced by another; a thread does not stop),
// invalid argument (not a Go program, a version that is not known, no symbols), resource exhausted
// (the heap is larger than max_copy_bytes: says how large).
Result<std::unique_ptr<heapgraph::HeapSource>> SnapshotGoProcess(pid_t pid,
                                                                 const SnapshotOptions& options,
                                                                 SnapshotReport* report);

}  // namespace tidemark::goheap
