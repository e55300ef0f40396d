#include "graphfile/otel_span.h"

#include <algorithm>
#include <cstring>

namespace tidemark::graphfile {
namespace {

using heapgraph::Label;
using heapgraph::ObjectEvent;

constexpr uint64_t kMonotonic = uint64_t{1} << 63;  // of time.Time's wall

// Words at offsets of a new SDK's span.
class Words {
 public:
  Words(const std::byte* contents, size_t shift) : contents_(contents), shift_(shift) {}
  uint64_t operator[](size_t offset) const {
    uint64_t word;
    std::memcpy(&word, contents_ + offset - shift_, sizeof word);
    return word;
  }

 private:
  const std::byte* contents_;
  const size_t shift_;
};

// Seconds since 1885 (with a monotonic reading) or since the year 1, of a time.Time.
// 2001-09-09 to 2096-10-02 as Unix seconds is 1e9 to 4e9.
bool PlausibleTime(uint64_t wall, uint64_t ext) {
  if ((wall & ((1u << 30) - 1)) >= 1'000'000'000) return false;
  constexpr uint64_t kUnixFrom1885 = 2'682'288'000, kUnixFromYear1 = 62'135'596'800;
  const uint64_t unix =
      (wall & kMonotonic) != 0 ? ((wall << 1) >> 31) - kUnixFrom1885 : ext - kUnixFromYear1;
  return unix >= 1'000'000'000 && unix < 4'000'000'000;
}

bool PlausibleWords(const Words& word) {
  if (word[88] < 1 || word[88] > 5) return false;
  if (word[104] > 65536 || (word[104] > 0 && word[96] == 0)) return false;
  if (!PlausibleTime(word[112], word[120])) return false;
  const bool open = word[136] == 0 && word[144] == 0;
  if (!open && !PlausibleTime(word[136], word[144])) return false;
  if (static_cast<uint32_t>(word[160]) > 2 || word[176] > (1u << 20)) return false;
  if ((word[192] | word[200]) == 0 || word[208] == 0) return false;
  if (word[264] > word[272] || word[272] > (1u << 20)) return false;
  return word[184] < (1ull << 32) && word[280] < (1ull << 32);
}

// Words that are numbers are not told as pointers, and pointers are told as they are.
bool PlausiblePointers(const ObjectEvent& object, const Words& word, SpanMatch& match) {
  static constexpr uint32_t kNumbers[] = {24,  32,  40,  88,  104, 112, 120, 136, 144,
                                          160, 176, 184, 192, 200, 208, 264, 272, 280};
  for (const auto& reference : object.references) {
    if (reference.label.kind() != Label::Kind::kOffset) return false;
    const uint64_t offset = reference.label.number() + match.shift;
    if (std::find(std::begin(kNumbers), std::end(kNumbers), offset) != std::end(kNumbers)) {
      return false;
    }
    if ((offset == 96 || offset == 256) && reference.target != word[offset]) return false;
    if (offset == 96) match.name_in_heap = true;
  }
  return true;
}

}  // namespace

std::optional<SpanMatch> MatchSpan(const ObjectEvent& object, bool typed) {
  // Slots of 384 to 480 bytes hold v1.20 to v1.45; older ones are smaller by 16.
  const bool fits = object.bytes >= 320 && object.bytes <= 480;
  if ((!fits && !typed) || object.contents.size() < kSpanBytes || object.references.empty()) {
    return std::nullopt;
  }
  for (const size_t shift : {size_t{0}, size_t{16}}) {
    const Words word(object.contents.data(), shift);
    SpanMatch match{.shift = shift, .name_address = word[96], .name_bytes = word[104]};
    if (PlausibleWords(word) && PlausiblePointers(object, word, match)) return match;
  }
  return std::nullopt;
}

size_t ScrubSpan(const ObjectEvent& object, const SpanMatch& match, bool keep_ids,
                 std::array<std::byte, kSpanBytes>& out) {
  out.fill(std::byte{0});
  const auto keep = [&](size_t offset, size_t bytes) {
    std::copy_n(object.contents.begin() + static_cast<ptrdiff_t>(offset - match.shift), bytes,
                out.begin() + static_cast<ptrdiff_t>(offset - match.shift));
  };
  const Words word(object.contents.data(), match.shift);
  keep(88, 8);
  keep(96, 16);
  // With a monotonic reading the time of day is all in `wall`.
  for (const size_t time : {size_t{112}, size_t{136}}) {
    keep(time, 8);
    if ((word[time] & kMonotonic) == 0) keep(time + 8, 8);
  }
  keep(160, 4);
  keep(184, 8);
  if (!keep_ids) return kSpanBytesWithoutIds - match.shift;
  keep(24, 25);  // parent: ids and flags
  keep(80, 1);   // whether the parent is remote
  keep(192, 25);
  keep(248, 1);
  keep(264, 24);
  return kSpanBytes - match.shift;
}

}  // namespace tidemark::graphfile
