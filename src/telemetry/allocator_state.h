// What glibc's malloc holds and what of it is in use.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tidemark::sdk {

//   held = in arenas (sbrk, mmapped heaps) + mmapped blocks
//   free = of the arenas, in no block the program has; chunks that a thread caches count as in use
//   in use = held - free
struct AllocatorState {
  double held_bytes = 0, free_bytes = 0, mmapped_bytes = 0;
  uint64_t arenas = 0;
  double in_use_bytes() const { return held_bytes - free_bytes; }
};

// Of this process. Takes each arena's lock in turn and walks its free lists. Nothing where another
// allocator serves the program and glibc's holds nothing.
std::optional<AllocatorState> ReadAllocator();

// When to look again after a look that took `took_ns`: so late that the program is held up for at
// most a thousandth of its time, and in an hour when the look took longer than `pause_ns`. Example:
// 10,000 free blocks, 4 ms: in 4 s.
int64_t NextAllocatorLookNs(int64_t now_ns, int64_t took_ns, int64_t pause_ns);

// The XML that glibc's malloc_info(0) writes; nothing when it is something else.
std::optional<AllocatorState> ParseMallocInfo(std::string_view xml);

}  // namespace tidemark::sdk
