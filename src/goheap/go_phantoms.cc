#include "goheap/go_phantoms.h"

namespace tidemark::goheap {

void GoPhantoms::NewPage(uint64_t page) {
  for (const Held& held : held_) {
    sink_.OnObject({.address = held.address,
                    .bytes = held.bytes,
                    .contents = held.contents,
                    .pointer_free = true});
    ++late_objects_;
    late_bytes_ += held.bytes;
  }
  held_.clear();
  page_ = page;
  has_bitmap_ = false;
}

void GoPhantoms::Bitmap() {
  has_bitmap_ = true;
  dropped_ += held_.size();
  held_.clear();
}

bool GoPhantoms::PassTail(const heapgraph::ObjectEvent& object, uint64_t end) {
  const uint64_t marks = version_.green_tea && object.bytes >= 16 ? kReserve : 0;
  if (end <= kGoPage - marks - (has_bitmap_ ? kReserve : 0)) {
    if (end <= kGoPage - marks - kReserve) return true;  // whatever the page
    held_.push_back(
        {object.address, object.bytes, {object.contents.begin(), object.contents.end()}});
    return false;
  }
  ++dropped_;
  return false;
}

}  // namespace tidemark::goheap
