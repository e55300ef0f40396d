// Names for arrays of pointers that nothing with a type points to: a slice that only a frame holds.
#pragma once

#include "heapgraph/graph.h"

namespace tidemark::goheap {

// Gives objects of unknown type the type "[]*T" where they have 16 pointers or more, over half of
// the words from the first to the last of them, all to objects of the one type T. Those are arrays
// of nothing but pointers: interfaces, strings and slices have a word or two beside each. Answers
// how many. To be run when the types of other objects are known.
uint64_t NamePointerArrays(heapgraph::HeapGraph& graph, heapgraph::Scratch& scratch);

}  // namespace tidemark::goheap
