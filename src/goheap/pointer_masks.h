// Which words of an object are pointers, for objects whose type the runtime does not keep: bitmaps
// at the end of their pages (Go 1.22 on) or beside the heap (up to 1.21).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "goheap/memory_image.h"
#include "goheap/runtime_walk.h"

namespace tidemark::goheap {

// How a Go version marks pointers.
struct MaskRules {
  int minor = 0;
  bool malloc_headers = false;  // 1.22
  bool green_tea = false;
  uint64_t arena_base = 0;        // runtime.arenaBaseOffset: 1 << 47 on amd64, 0 on arm64
  uint64_t arenas = 0;            // address of the table of heapArenas, up to 1.21
  uint64_t no_more_pointers = 0;  // its offset in a heapArena, 1.20 and 1.21
};

constexpr uint64_t kArenaBytes = 64 << 20;

// Bits first, first + 1, ... up to 64 of them; those past the end are 0.
uint64_t BitsAt(std::span<const uint64_t> bits, uint64_t first);

// The mask of the objects of one span at a time. The memory of masks is kept between spans.
class PointerMasks {
 public:
  PointerMasks(const MemoryImage& image, const MaskRules& rules) : image_(image), rules_(rules) {}

  // Reads the bitmap of a span with pointers, whose memory is `contents`. False: it is not in the
  // image. Not for objects with headers or a type of their own.
  bool BeginSpan(const HeapSpan& span, const std::byte* contents);
  // Of the slot, a bit a word, until the next call.
  std::span<const uint64_t> OfSlot(uint32_t slot);
  // Where a bitmap of `span` lies in memory, for those who copy it; up to 1.21.
  template <typename Take>
  void EachBitmap(const HeapSpan& span, Take take) const {
    uint64_t words = 0;
    for (uint64_t at = span.begin; at < span.end(); at += words * 8) {
      words = (std::min(span.end(), (at / kArenaBytes + 1) * kArenaBytes) - at) / 8;
      const uint64_t arena = ArenaOf(at);
      if (arena == 0) continue;
      const uint64_t word = at % kArenaBytes / 8;
      if (rules_.minor <= 19) {
        take(arena + word / 4, words / 4, false);
      } else {
        take(arena + word / 8, words / 8, false);
        take(arena + rules_.no_more_pointers + word / 512, (words + 511) / 512, true);
      }
    }
  }

 private:
  uint64_t ArenaOf(uint64_t address) const;
  bool ReadInSpan(const HeapSpan& span, const std::byte* contents);
  bool ReadBeside(const HeapSpan& span);

  const MemoryImage& image_;
  const MaskRules rules_;
  uint64_t slot_words_ = 0;
  std::vector<uint64_t> pointers_, more_;  // a bit a word of the span; more: the object goes on
  std::vector<uint64_t> slot_;
};

}  // namespace tidemark::goheap
