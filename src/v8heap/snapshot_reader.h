// Reads V8's heap snapshots (.heapsnapshot: Node.js, Chrome, Deno, Electron).
#pragma once

#include <cstddef>
#include <memory>

#include "base/byte_source.h"
#include "heapgraph/heap_events.h"
#include "heapgraph/scratch.h"

namespace tidemark::v8heap {

struct SnapshotOptions {
  // Where the snapshot's arrays lie, about half as many bytes as the file has; outlives the source.
  // Null: in memory.
  heapgraph::Scratch* scratch = nullptr;
  // What the root does not reach (weakly held, or held by what the snapshot does not show) is held
  // by a root named "(weakly held)", as DevTools counts it. False: it is garbage.
  bool keep_unreached = true;
  // Of one node, how many references are told with it; the others come one by one behind it.
  size_t max_references = ~size_t{0};
};

// Objects are the nodes, each at the address that is its id, which is the same in every snapshot of
// one process (told by the fact kAddressesAreIds); where an id is missing or there twice, all are
// at their ordinal + 1 (fact "v8 ids" "unusable"). The references are the edges that count by
// DevTools' rules (reachability.h). Types are DevTools' classes; of detached nodes "Detached " +
// class. The root is no object: for each node that it holds there is a holder named as the node's
// class, of global objects kGlobal. Bytes are those of the node itself: DevTools shows an array
// owned by one object at its owner, we at the array.
//
// The source is read once, in the first Read; a pipe will do, and may be read again.
// Read's errors: LoadTables' (tables.h). Facts: "nodes", "edges", "detached nodes", "detached
// bytes", "weakly held nodes", "extra native bytes".
Result<std::unique_ptr<heapgraph::HeapSource>> OpenV8Snapshot(std::unique_ptr<ByteSource> source,
                                                              const SnapshotOptions& options = {});

}  // namespace tidemark::v8heap
