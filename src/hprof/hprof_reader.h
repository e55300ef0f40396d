// Reads the JVM's heap dumps: HPROF 1.0.1 and 1.0.2, Android's 1.0.3, plain or gzip.
//
//   the file --[record_walker, heap_record_parser]--> sub-records
//   sub-records --[batch_decoder, with class_plans]--> batches of events, on a thread of its own
//   batches, then roots, threads, class objects, static fields --> the sink
#pragma once

#include <cstddef>
#include <memory>

#include "base/byte_source.h"
#include "heapgraph/heap_events.h"

namespace tidemark {

struct HprofOptions {
  // Eclipse MAT's model instead of the JVM's: weak and phantom referents count, every instance
  // refers to its class, a class object holds its static fields and is a root only where the dump
  // says so, a thread object holds its locals.
  bool mat_compat = false;
  // Of an array of more than 1 MiB, how many references about are told with the array, at once; the
  // others come one by one behind it. 24 bytes each, in memory.
  size_t max_references = size_t{4} << 20;
};

// Takes a gzip file as well. A pipe can be read once.
//
// Limits, each counted in a fact when crossed: 2 Mi classes, 32 Mi fields, 8 Mi names, 4 Mi frames,
// 8 Mi locals; instances that come before their classes: 128 MiB.
// Errors: invalid argument, when the first bytes are no HPROF of these versions or the size of ids
// is neither 4 nor 8; the source's.
Result<std::unique_ptr<heapgraph::HeapSource>> OpenHprof(std::unique_ptr<ByteSource> source,
                                                         HprofOptions options = {});

}  // namespace tidemark
