#include "goheap/go_slots.h"

namespace tidemark::goheap {

using heapgraph::Label;

inline void GoSlots::Take(const GoRegion& region, uint64_t offset, uint64_t next) {
  const uint64_t target = LoadWord(region.contents + offset);
  if (!InArenas(target)) {
    outside_ += target != 0;
    return;
  }
  // The first word of an interface is not in the list; a listed one is a pointer like any other.
  TypeKey type = 0;
  const uint64_t lowest = region.header ? 16 : 8;
  if (region.hints && offset >= lowest && offset != next) {
    type = hints_.Of(LoadWord(region.contents + offset - 8), sink_);
  }
  references_[count_++] = {target, Label(Label::Kind::kOffset, offset), type};
}

template <bool kReferences>
SlotsEnd GoSlots::ReadList(const std::byte*& at, const std::byte* end, GoRegion& region) {
  const std::byte* p = at;
  uint64_t next = region.next;
  SlotsEnd result = SlotsEnd::kShort;
  while (p != end) {
    const auto kind = static_cast<uint8_t>(*p);
    if (kind == 0) {
      ++p;
      result = SlotsEnd::kDone;
      break;
    }
    if (kind != 1) {
      wrong_ = "a slot of kind " + std::to_string(kind) + ", only 1 (pointer) is known";
      return SlotsEnd::kWrong;
    }
    const std::byte* q = p + 1;
    uint64_t offset = 0;
    if (!ReadNumber(q, end, offset)) {
      if (end - q < 10) break;
      wrong_ = "a slot's offset of more than 64 bits";
      return SlotsEnd::kWrong;
    }
    const bool inside = offset < region.length && (offset & 7) == 0;
    if (region.ordered && (!inside || offset < next)) return WrongSlot(offset, next, region);
    if (slots_ == room_) {
      result = SlotsEnd::kFull;
      break;
    }
    ++slots_;
    if (kReferences && inside && region.length - offset >= 8) Take(region, offset, next);
    next = offset + 8;
    region.any = true;
    p = q;
  }
  at = p;
  region.next = next;
  return result;
}

SlotsEnd GoSlots::WrongSlot(uint64_t offset, uint64_t next, const GoRegion& region) {
  wrong_ = "a slot at offset " + std::to_string(offset) + " of " + std::to_string(region.length) +
           " bytes, behind " + std::to_string(next);
  return SlotsEnd::kWrong;
}

template SlotsEnd GoSlots::ReadList<true>(const std::byte*&, const std::byte*, GoRegion&);
template SlotsEnd GoSlots::ReadList<false>(const std::byte*&, const std::byte*, GoRegion&);

}  // namespace tidemark::goheap
