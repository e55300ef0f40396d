#include "goheap/span_table.h"

#include <algorithm>

#include "goheap/go_versions.h"
#include "goheap/image_text.h"

namespace tidemark::goheap {
namespace {

constexpr uint64_t kMaxSpans = 1 << 25;
constexpr uint64_t kMaxSpanBytes = uint64_t{1} << 47;
constexpr uint64_t kMaxSmallSpanPages = 16;  // the size classes use 1 to 10
constexpr uint8_t kInUse = 1;                // mSpanInUse

uint64_t Number(const std::byte* bytes, uint64_t width) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, width);
  return value;
}

bool MakesSense(const HeapSpan& span, uint64_t pages) {
  if (span.begin % kGoPage != 0 || span.begin == 0 || pages == 0 ||
      pages > kMaxSpanBytes / kGoPage || span.begin > kMaxSpanBytes) {
    return false;
  }
  if (span.slot_bytes == 0 || span.slot_bytes > span.bytes || span.slots == 0) return false;
  if (span.large) return span.slots == 1;
  return pages <= kMaxSmallSpanPages && span.slot_bytes % 8 == 0 &&
         span.slots <= span.bytes / span.slot_bytes && span.free_index <= span.slots;
}

// An mspan as it lies in memory. False: its state is not "in use".
bool DecodeSpan(const std::byte* bytes, const RuntimeLayout& at, HeapSpan& span, uint64_t& pages) {
  if (std::to_integer<uint8_t>(bytes[at.span_state]) != kInUse) return false;
  span.begin = Number(bytes + at.span_start, 8);
  pages = Number(bytes + at.span_pages, 8);
  span.bytes = pages * kGoPage;
  span.slot_bytes = Number(bytes + at.span_element_bytes, 8);
  const uint64_t slots = Number(bytes + at.span_elements, at.span_index_width);
  const uint64_t free_index = Number(bytes + at.span_free_index, at.span_index_width);
  span.slots = std::min<uint64_t>(slots, ~0u);
  span.free_index = std::min<uint64_t>(free_index, ~0u);
  span.alloc_bits = Number(bytes + at.span_alloc_bits, 8);
  span.specials = Number(bytes + at.span_specials, 8);
  span.allocated = Number(bytes + at.span_alloc_count, 2);
  const uint8_t span_class = std::to_integer<uint8_t>(bytes[at.span_class]);
  span.pointer_free = (span_class & 1) != 0;
  span.large = span_class >> 1 == 0;
  if (span.large) span.slot_bytes = std::min(span.slot_bytes, span.bytes);
  if (at.span_large_type != RuntimeLayout::kNone) {
    span.large_type = Number(bytes + at.span_large_type, 8);
  }
  return true;
}

uint64_t SpanStructBytes(const RuntimeLayout& at) {
  uint64_t end = std::max({at.span_start, at.span_pages, at.span_elements, at.span_free_index,
                           at.span_alloc_bits, at.span_alloc_count, at.span_element_bytes,
                           at.span_class, at.span_state, at.span_specials});
  if (at.span_large_type != RuntimeLayout::kNone) {
    end = std::max<uint64_t>(end, at.span_large_type);
  }
  return end + 8;
}

void SortAndDropOverlaps(SpanTable& table) {
  std::sort(table.spans.begin(), table.spans.end(),
            [](const HeapSpan& a, const HeapSpan& b) { return a.begin < b.begin; });
  uint64_t end = 0;
  table.refused += std::erase_if(table.spans, [&end](const HeapSpan& span) {
    if (span.begin < end) return true;
    end = span.end();
    return false;
  });
}

}  // namespace

const HeapSpan* SpanTable::Find(uint64_t address) const {
  const auto after =
      std::upper_bound(spans.begin(), spans.end(), address,
                       [](uint64_t wanted, const HeapSpan& span) { return wanted < span.begin; });
  if (after == spans.begin()) return nullptr;
  const HeapSpan& span = *std::prev(after);
  return address < span.end() ? &span : nullptr;
}

Result<SpanTable> ReadSpans(const MemoryImage& image, const RuntimeLayout& layout, uint64_t heap) {
  const auto array = image.Load<uint64_t>(heap + layout.heap_allspans);
  const auto count = image.Load<uint64_t>(heap + layout.heap_allspans + 8);
  if (!array || !count) {
    return Corrupt("runtime.mheap_ at " + Hex(heap) + " is not in the memory");
  }
  if (*count == 0 || *count > kMaxSpans) {
    return Corrupt("runtime.mheap_ at " + Hex(heap) + " lists " + std::to_string(*count) +
                   " spans: not the executable of this memory, or not started yet");
  }
  SpanTable table;
  table.listed = *count;
  std::vector<std::byte> bytes(SpanStructBytes(layout));
  const bool whole = EachPointer(image, *array, *count, [&](uint64_t address) {
    HeapSpan span;
    uint64_t pages = 0;
    if (!image.Read(address, bytes)) {
      ++table.refused;
    } else if (DecodeSpan(bytes.data(), layout, span, pages)) {
      if (MakesSense(span, pages)) {
        table.spans.push_back(span);
      } else {
        ++table.refused;
      }
    }
  });
  if (!whole) {
    return Corrupt("the table of " + std::to_string(*count) + " spans at " + Hex(*array) +
                   " is not wholly in the memory");
  }
  SortAndDropOverlaps(table);
  return table;
}

}  // namespace tidemark::goheap
