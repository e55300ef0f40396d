#include "goheap/pointer_masks.h"

#include <algorithm>
#include <bit>

#include "goheap/go_versions.h"

namespace tidemark::goheap {

uint64_t BitsAt(std::span<const uint64_t> bits, uint64_t first) {
  const uint64_t word = first / 64, shift = first % 64;
  if (word >= bits.size()) return 0;
  uint64_t value = bits[word] >> shift;
  if (shift != 0 && word + 1 < bits.size()) value |= bits[word + 1] << (64 - shift);
  return value;
}

uint64_t PointerMasks::ArenaOf(uint64_t address) const {
  const uint64_t index = (address + rules_.arena_base) / kArenaBytes;
  return image_.Load<uint64_t>(rules_.arenas + index % (1 << 22) * 8).value_or(0);
}

bool PointerMasks::BeginSpan(const HeapSpan& span, const std::byte* contents) {
  slot_words_ = span.slot_bytes / 8;
  slot_.resize((slot_words_ + 63) / 64);
  return rules_.malloc_headers ? ReadInSpan(span, contents) : ReadBeside(span);
}

// The last bytes of the span, but for 128 of marks with Green Tea.
bool PointerMasks::ReadInSpan(const HeapSpan& span, const std::byte* contents) {
  const uint64_t bitmap_bytes = span.bytes / 64;
  const uint64_t reserve = rules_.green_tea && span.slot_bytes >= 16 ? 128 : 0;
  if (span.slot_bytes > kMaxHeaderless || span.bytes < bitmap_bytes + reserve) return false;
  pointers_.resize(bitmap_bytes / 8);
  std::memcpy(pointers_.data(), contents + span.bytes - bitmap_bytes - reserve, bitmap_bytes);
  return true;
}

// Go 1.19: bytes of four words, pointers in the low half, in the high one whether the object goes
// on with more pointers. Go 1.20 and 1.21: a bit a word, and for 64 words a bit that says that
// there are no more behind them.
bool PointerMasks::ReadBeside(const HeapSpan& span) {
  const uint64_t words = span.bytes / 8;
  if (words > uint64_t{1} << 33) return false;
  pointers_.assign((words + 63) / 64, 0);
  more_.assign(pointers_.size(), 0);
  uint64_t done = 0, done_more = 0;
  bool whole = true;
  std::vector<std::byte> part;
  EachBitmap(span, [&](uint64_t at, uint64_t bytes, bool no_more) {
    part.resize(bytes);
    whole = whole && image_.Read(at, part);
    if (!whole) return;
    for (const std::byte byte : part) {
      const auto bits = std::to_integer<uint64_t>(byte);
      if (rules_.minor <= 19) {
        pointers_[done / 64] |= (bits & 15) << done % 64;
        more_[done / 64] |= (bits >> 4) << done % 64;
        done += 4;
      } else if (!no_more) {
        pointers_[done / 64] |= bits << done % 64;
        done += 8;
      } else {
        for (int i = 0; i < 8 && done_more < done / 64; ++i, ++done_more) {
          if ((bits >> i & 1) == 0) more_[done_more] = ~uint64_t{0};
        }
      }
    }
  });
  return whole && done == words;
}

std::span<const uint64_t> PointerMasks::OfSlot(uint32_t slot) {
  const uint64_t first = slot * slot_words_;
  std::fill(slot_.begin(), slot_.end(), 0);
  for (uint64_t done = 0; done < slot_words_;) {
    // Up to 64 words; up to 1.21 not over a word of the bitmap, where the object may end.
    const uint64_t at = first + done;
    uint64_t count = std::min<uint64_t>(slot_words_ - done, 64);
    bool goes_on = true;
    if (!rules_.malloc_headers) {
      count = std::min(count, 64 - at % 64);
      const uint64_t more = more_[at / 64] >> at % 64;
      if (rules_.minor <= 19) {
        const uint64_t pointers_until = std::min<uint64_t>(std::countr_one(more), count);
        goes_on = pointers_until == count;
        count = pointers_until;
      } else {
        goes_on = (more & 1) != 0;
      }
    }
    if (count != 0) {
      const uint64_t bits =
          BitsAt(pointers_, at) & (count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1);
      slot_[done / 64] |= bits << done % 64;
      if (done % 64 + count > 64) slot_[done / 64 + 1] |= bits >> (64 - done % 64);
    }
    done += count;
    if (!goes_on) break;
  }
  return slot_;
}

}  // namespace tidemark::goheap
