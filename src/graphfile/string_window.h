// The last strings of a dump, held back until it is clear whether a span is named by them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

// Objects without pointers, in the order in which they came. What they contain is told only where
// Grant() allowed it. Memory: at most 2.5 MiB.
class StringWindow {
 public:
  static constexpr size_t kMaxObjectBytes = 512;  // larger ones are not held

  bool full() const { return held_.size() >= kMaxHeld || contents_.size() >= kMaxContents; }
  void Add(const heapgraph::ObjectEvent& object);
  // Lets these bytes of the object that holds them be told. False: no such object is held.
  bool Grant(uint64_t address, uint64_t bytes);
  // Tells and forgets all.
  void Tell(heapgraph::HeapSink& sink);

 private:
  static constexpr size_t kMaxHeld = 1 << 14, kMaxContents = 1 << 19;
  struct Held {
    uint64_t address, bytes;
    heapgraph::TypeKey type;
    uint32_t contents, contents_bytes;  // in contents_ and granted_
    uint32_t granted_bytes;             // a prefix; what was not granted of it is zero
    bool pointer_free;
  };
  Held* Find(uint64_t address);

  std::vector<Held> held_;
  std::string contents_, granted_;
  // Stretches of held_ whose addresses ascend, by their first address.
  struct Run {
    uint32_t begin, end;
  };
  std::map<uint64_t, Run> runs_;
  Run* last_run_ = nullptr;
};

}  // namespace tidemark::graphfile
