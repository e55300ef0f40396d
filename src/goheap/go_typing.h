// Types for objects of a Go heap that came without one, from what points to them.
#pragma once

#include "goheap/go_executable.h"
#include "heapgraph/graph.h"

namespace tidemark::goheap {

// How many reachable or unreachable objects got their type from what; they add up to all.
struct GoTyping {
  uint64_t told = 0;        // by the dump: a header word, an interface's word
  uint64_t propagated = 0;  // by the type of an object or global that points there; arrays of
                            // pointers by what they point to
  uint64_t unknown = 0;     // stay "(unknown)"
};

// Goes from the globals (their types are in the DWARF; without it, from what is typed already)
// along pointers, with the executable's descriptors. What a stronger source said is never
// overwritten. An object is taken for a T only where its slot's size fits; a pointer into the
// middle of one may fit by chance. Parts of maps become internal types, so that reports fold them.
// `slide`: what was added to link addresses. Errors: the scratch's.
Result<GoTyping> TypeGoObjects(heapgraph::HeapGraph& graph, const GoExecutable& executable,
                               uint64_t slide, heapgraph::Scratch& scratch);

}  // namespace tidemark::goheap
