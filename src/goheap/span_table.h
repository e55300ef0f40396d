// The Go runtime's table of spans: which pages hold objects of which size.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "goheap/memory_image.h"
#include "goheap/runtime_layout.h"

namespace tidemark::goheap {

// Pages in use for objects of one size, or for one large object.
struct HeapSpan {
  uint64_t begin = 0, bytes = 0;
  uint64_t slot_bytes = 0;  // of one object
  uint32_t slots = 0;
  uint32_t free_index = 0;  // slots before it are allocated; of the others alloc_bits tells
  uint64_t alloc_bits = 0;  // address of a bit for each slot
  uint64_t large_type = 0;  // descriptor of a large object's type (1.22)
  uint64_t specials = 0;
  uint16_t allocated = 0;  // slots in use as the runtime counts them
  bool pointer_free = false;
  bool large = false;
  uint64_t end() const { return begin + bytes; }
};

struct SpanTable {
  std::vector<HeapSpan> spans;  // in use, by address
  uint64_t listed = 0;          // in the runtime's table, free ones and stacks too
  uint64_t refused = 0;         // that make no sense or cannot be read
  // The one that covers `address`, or null.
  const HeapSpan* Find(uint64_t address) const;
};

// Errors: corrupt, the table of spans cannot be read or is longer than 2^25.
Result<SpanTable> ReadSpans(const MemoryImage& image, const RuntimeLayout& layout, uint64_t heap);

}  // namespace tidemark::goheap
