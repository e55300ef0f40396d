// The heap of a Go program out of its memory: a core, or a copy of a live process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "goheap/go_goroutine.h"
#include "goheap/go_program.h"
#include "goheap/pointer_masks.h"
#include "goheap/runtime_walk.h"
#include "goheap/type_table.h"

namespace tidemark::goheap {

MaskRules MaskRulesOf(const GoProgram& program, const MemoryImage& image);

// Tells objects by address, then the data and bss of each module as segments, goroutines (their
// stacks word by word: what points at an object may have been left over, and its label says
// "maybe"), and what the runtime holds. References that are nil or point outside the heap's spans
// are left out. A module's segment names are "data" and "bss", of plugins with their number. Facts
// beside those of dumps: "runtime objects" and "runtime bytes" as the spans count them.
class GoMemorySource : public heapgraph::HeapSource {
 public:
  // `owner` keeps the images alive. Types are read from `types`, which may have more than `image`.
  // `damage`: what is known to be missing.
  GoMemorySource(std::string format, GoProgram program, GoHeapTables tables,
                 const MemoryImage& image, const MemoryImage& types, std::shared_ptr<void> owner,
                 std::string damage);

  std::string_view format() const override { return format_; }
  Result<heapgraph::ReadOutcome> Read(heapgraph::HeapSink& sink, Wants wants) override;

  const GoHeapTables& tables() const { return tables_; }

 private:
  struct Slots;

  void TellFacts();
  void TellSpan(const HeapSpan& span);
  void TellSlot(const HeapSpan& span, uint32_t slot, const std::byte* contents);
  void AddTyped(const std::byte* contents, uint64_t begin, uint64_t end, uint64_t descriptor);
  void AddSlots(const std::byte* contents, uint64_t begin, uint64_t end, const uint64_t* mask,
                uint64_t words);
  bool InHeap(uint64_t address) const { return address - heap_begin_ < heap_bytes_; }
  bool IsObject(uint64_t address) const;
  void TellSegment(std::string_view name, uint64_t begin, uint64_t end, const PointerBitmap& mask);
  void TellModules();
  void TellGoroutine(const Goroutine& goroutine, GoGoroutine& teller);
  std::string WaitReason(uint8_t reason) const;
  void TellRoots();
  void Fact(std::string_view key, uint64_t value);

  const std::string format_;
  const GoProgram program_;
  const GoHeapTables tables_;
  const std::shared_ptr<void> owner_;
  const MemoryImage& image_;
  const std::string damage_;
  TypeTable types_;
  PointerMasks masks_;
  uint64_t heap_begin_ = 0, heap_bytes_ = 0;

  // Of one reading.
  heapgraph::HeapSink* sink_ = nullptr;
  Wants wants_;
  std::vector<heapgraph::Reference> references_;
  std::vector<std::byte> buffer_, segment_buffer_, bits_;
  uint64_t done_bytes_ = 0, unreadable_spans_ = 0, unreadable_bytes_ = 0, unmasked_ = 0;
};

}  // namespace tidemark::goheap
