// Objects as they come from a reader, and their order by address.
#pragma once

#include <cstdint>

#include "heapgraph/scratch.h"

namespace tidemark::heapgraph {

struct ObjectRecord {
  uint64_t address;
  uint32_t bytes;  // ~0: too large for 32 bits, kept elsewhere
  uint32_t type;
};

// Sorts by address, those with equal ones in the order they came. Already sorted ones cost one
// look, long ascending runs one copy. Takes as much scratch again. Errors: the scratch's.
Result<void> SortByAddress(Array<ObjectRecord>* records, Scratch& scratch);

}  // namespace tidemark::heapgraph
