// A goroutine of a dump, gathered from its record and those of its frames, defers and panics, and
// told as one holder.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

class GoGoroutine {
 public:
  // References kept before a part of the goroutine is told (a stack may be very deep).
  static constexpr size_t kMaxSlots = size_t{1} << 17;

  GoGoroutine(heapgraph::HeapSink& sink, bool references) : sink_(sink), wants_(references) {}

  // Tells the last one and begins the next.
  void Begin(uint64_t id, uint64_t address, uint64_t status, bool system,
             std::string_view wait_reason);
  void Finish();
  bool open() const { return open_; }
  uint64_t count() const { return count_; }

  // A frame, leaf first. Before AddSlots of its slots.
  void AddFrame(std::string_view function);
  // References of the frame, whose labels are offsets from its lowest address, which they are
  // given a name for.
  void AddSlots(std::span<const heapgraph::Reference> slots);
  // Something else that the goroutine holds: nothing when `target` is 0.
  void Add(std::string_view name, const heapgraph::Reference& reference);
  // Slots were gone through, whether or not they hold anything. Parts are cut by this alone, so
  // that every reading cuts alike.
  void CountSlots(uint64_t slots);

 private:
  void Tell();

  heapgraph::HeapSink& sink_;
  const bool wants_;
  bool open_ = false;
  uint64_t id_ = 0, address_ = 0, count_ = 0, slots_ = 0;
  std::string state_, function_, frame_;
  int function_rank_ = 0;
  std::vector<heapgraph::Reference> references_;
};

}  // namespace tidemark::goheap
