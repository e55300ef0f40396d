// Objects that are none: since Go 1.22 the dump's writer goes on over the slots of a page into the
// bitmap of pointers (and Green Tea's marks) at its end, and dumps them as objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "goheap/go_versions.h"
#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

// Passes an object on, drops it, or holds it back until its page is known: whether a page has a
// bitmap shows in any object of it that lists pointers, and objects of a page come together. What
// is held lists none, and is at most 256 bytes' worth of slots.
class GoPhantoms {
 public:
  GoPhantoms(const GoVersion& version, heapgraph::HeapSink& sink)
      : version_(version), sink_(sink) {}

  // Whether the object is to be told now; if not, it was dropped or kept here.
  bool Pass(const heapgraph::ObjectEvent& object, bool lists_pointers) {
    if (!version_.malloc_headers || object.bytes > kMaxHeaderless) return true;
    const uint64_t page = object.address & ~(kGoPage - 1);
    if (page != page_) NewPage(page);
    if (lists_pointers && !has_bitmap_) Bitmap();
    const uint64_t end = (object.address & (kGoPage - 1)) + object.bytes;
    return end <= kGoPage - 2 * kReserve || PassTail(object, end);
  }
  // No object of the last page comes any more.
  void Finish() { NewPage(0); }

  uint64_t dropped() const { return dropped_; }
  // Held back and then told. Objects and bytes.
  uint64_t late_objects() const { return late_objects_; }
  uint64_t late_bytes() const { return late_bytes_; }

 private:
  static constexpr uint64_t kReserve = kGoPage / 64;  // a bit a word; the marks take as much
  struct Held {
    uint64_t address = 0, bytes = 0;
    std::vector<std::byte> contents;
  };
  void NewPage(uint64_t page);
  void Bitmap();
  bool PassTail(const heapgraph::ObjectEvent& object, uint64_t end);

  const GoVersion version_;
  heapgraph::HeapSink& sink_;
  uint64_t page_ = 0;
  bool has_bitmap_ = false;
  std::vector<Held> held_;
  uint64_t dropped_ = 0, late_objects_ = 0, late_bytes_ = 0;
};

}  // namespace tidemark::goheap
