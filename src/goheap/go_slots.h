// The lists of pointer slots that follow memory in a Go heap dump, read into references.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "goheap/go_dump_format.h"
#include "goheap/go_hints.h"

namespace tidemark::goheap {

// A piece of memory whose slots are being read.
struct GoRegion {
  const std::byte* contents = nullptr;  // [length]; null: only the list is gone through
  uint64_t length = 0;
  bool header = false;  // its first word is a type descriptor, not the first of an interface
  bool ordered = true;  // slots ascend and lie inside (not so in stack frames)
  bool hints = true;    // a word before a slot may be the first of an interface
  uint64_t next = 0;    // the lowest offset that the next slot may have
  bool any = false;     // has slots
};

enum class SlotsEnd {
  kDone,   // behind the list
  kShort,  // the bytes end first; what was read is in references()
  kFull,   // no room for more slots
  kWrong,  // see wrong()
};

class GoSlots {
 public:
  GoSlots(GoHints& hints, heapgraph::HeapSink& sink) : hints_(hints), sink_(sink) {}
  void SetArenas(uint64_t begin, uint64_t end) {
    arena_begin_ = begin;
    arena_bytes_ = end - begin;
  }

  // Room for as many slots, cleared.
  void Begin(uint64_t room) {
    if (references_.size() < room) references_.resize(room);
    room_ = room;
    Clear();
  }
  // Reads on from `at`, which moves behind what was read; labels are offsets in the region.
  // Pointers that are nil or outside the arenas are left out, the latter counted.
  SlotsEnd Read(const std::byte*& at, const std::byte* end, GoRegion& region) {
    return region.contents != nullptr ? ReadList<true>(at, end, region)
                                      : ReadList<false>(at, end, region);
  }
  std::span<heapgraph::Reference> references() { return {references_.data(), count_}; }
  void Clear() { slots_ = count_ = 0; }

  // Whether an address may be an object's.
  bool InArenas(uint64_t address) const { return address - arena_begin_ < arena_bytes_; }
  uint64_t outside() const { return outside_; }
  const std::string& wrong() const { return wrong_; }

 private:
  template <bool kReferences>
  SlotsEnd ReadList(const std::byte*& at, const std::byte* end, GoRegion& region);
  SlotsEnd WrongSlot(uint64_t offset, uint64_t next, const GoRegion& region);
  void Take(const GoRegion& region, uint64_t offset, uint64_t next);

  GoHints& hints_;
  heapgraph::HeapSink& sink_;
  uint64_t arena_begin_ = 0, arena_bytes_ = 0;
  std::vector<heapgraph::Reference> references_;  // [room_] at least; the first count_ hold
  size_t room_ = 0, slots_ = 0, count_ = 0;
  uint64_t outside_ = 0;
  std::string wrong_;
};

}  // namespace tidemark::goheap
