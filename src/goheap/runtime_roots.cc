// What the Go runtime itself holds: see ReadRuntimeRoots.
#include <algorithm>

#include "goheap/runtime_walk.h"

namespace tidemark::goheap {
namespace {

constexpr size_t kMaxRuntimeRoots = 1 << 24;

using heapgraph::RootKind;

class RuntimeRoots {
 public:
  RuntimeRoots(const MemoryImage& image, const RuntimeLayout& layout)
      : image_(image), layout_(layout) {}

  void AddSpecialsOf(const HeapSpan& span) {
    // More specials than slots in a span are many; a list that goes round ends here.
    uint64_t left = 16 * uint64_t{span.slots} + 1024;
    for (uint64_t at = span.specials; at != 0 && left > 0; --left) {
      const auto kind = image_.Load<uint8_t>(at + layout_.special_kind);
      if (!kind) return;
      const uint64_t payload = at + layout_.special_payload;
      if (*kind == layout_.kind_finalizer) Add(RootKind::kFinalizer, payload, 1);
      if (*kind == layout_.kind_weak && *kind != 0) Add(RootKind::kSystem, payload, 1);
      if (*kind == layout_.kind_cleanup && *kind != 0) {
        Add(RootKind::kFinalizer, payload, layout_.cleanup_words);
      }
      at = image_.Load<uint64_t>(at).value_or(0);
    }
  }
  // runtime.finblock: alllink, next, cnt, then {fn, arg, nret, fint, ot} each.
  void AddFinalizerQueue(uint64_t all_blocks) {
    constexpr uint32_t kMostInBlock = 101;
    uint64_t at = image_.Load<uint64_t>(all_blocks).value_or(0);
    for (size_t blocks = 0; at != 0 && blocks < kMaxBlocks; ++blocks) {
      const uint32_t count = image_.Load<uint32_t>(at + 16).value_or(0);
      for (uint32_t i = 0; i < std::min(count, kMostInBlock); ++i) {
        Add(RootKind::kFinalizer, at + 24 + i * 40, 2);
      }
      at = image_.Load<uint64_t>(at).value_or(0);
    }
  }
  // runtime.cleanupBlock: lfnode, alllink, n, then the cleanups.
  void AddCleanupQueue(uint64_t queue) {
    const uint32_t words = layout_.cleanup_words, most = 480 / (8 * words);
    uint64_t at = image_.Load<uint64_t>(queue + layout_.cleanup_all).value_or(0);
    for (size_t blocks = 0; at != 0 && blocks < kMaxBlocks; ++blocks) {
      const uint32_t count = image_.Load<uint32_t>(at + 24).value_or(0);
      Add(RootKind::kFinalizer, at + 32, words * std::min(count, most));
      at = image_.Load<uint64_t>(at + 16).value_or(0);
    }
  }
  std::vector<RuntimeRoot> Take() { return std::move(roots_); }

 private:
  static constexpr size_t kMaxBlocks = 1 << 16;

  void Add(RootKind kind, uint64_t at, uint32_t words) {
    for (uint32_t i = 0; i < words && roots_.size() < kMaxRuntimeRoots; ++i) {
      const uint64_t target = image_.Load<uint64_t>(at + 8 * i).value_or(0);
      if (target != 0) roots_.push_back({kind, target});
    }
  }

  const MemoryImage& image_;
  const RuntimeLayout& layout_;
  std::vector<RuntimeRoot> roots_;
};

}  // namespace

std::vector<RuntimeRoot> ReadRuntimeRoots(const MemoryImage& image, const RuntimeLayout& layout,
                                          const RuntimeAddresses& addresses,
                                          const SpanTable& table) {
  RuntimeRoots roots(image, layout);
  for (const HeapSpan& span : table.spans) roots.AddSpecialsOf(span);
  if (addresses.finalizers != 0) roots.AddFinalizerQueue(addresses.finalizers);
  if (addresses.cleanups != 0 && layout.cleanup_all != RuntimeLayout::kNone) {
    roots.AddCleanupQueue(addresses.cleanups);
  }
  return roots.Take();
}

Result<GoHeapTables> ReadGoHeapTables(const MemoryImage& image, const RuntimeLayout& layout,
                                      const RuntimeAddresses& addresses,
                                      std::span<const ThreadRegisters> threads) {
  GoHeapTables tables;
  TIDEMARK_ASSIGN_OR_RETURN(tables.modules, ReadModules(image, layout, addresses.first_module));
  TIDEMARK_ASSIGN_OR_RETURN(tables.table, ReadSpans(image, layout, addresses.heap));
  tables.goroutines = ReadGoroutines(image, layout, addresses.goroutines, threads);
  tables.roots = ReadRuntimeRoots(image, layout, addresses, tables.table);
  return tables;
}

}  // namespace tidemark::goheap
