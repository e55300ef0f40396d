// Heap dumps of Go programs (runtime/debug.WriteHeapDump, Go 1.7 to 1.27, 64-bit little-endian), as
// events. What is read and what is not: docs/heap-go.md.
#pragma once

#include <memory>

#include "base/byte_source.h"
#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

// Whether a file that begins with these bytes is a Go heap dump; 16 of them decide.
bool IsGoDump(std::span<const std::byte> beginning);

// Keys of types are the addresses of their descriptors, or derived as go_types.h says.
// Holders: one a goroutine (kStack), the data and bss segments (kSegment "data", "bss"; one of more
// than 1 MiB comes in pieces), finalizers (kFinalizer). Facts: "go version", "arch", "goroutines",
// "runtime objects", "runtime bytes" and others of the runtime's statistics, and what was left out.
// One pass with at most about 40 MiB of memory whatever the dump; contents of more than 1 MiB go
// through an unlinked file in TMPDIR. A pipe can be read once. Errors of Read: not such a dump, a
// 32-bit or big-endian one (invalid argument), damage before the first object (corrupt), the
// temporary file's (i/o), the source's.
std::unique_ptr<heapgraph::HeapSource> OpenGoDump(std::unique_ptr<ByteSource> bytes);

}  // namespace tidemark::goheap
