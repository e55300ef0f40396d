#include "goheap/runtime_walk.h"

#include <algorithm>
#include <cstdio>

#include "goheap/go_versions.h"

namespace tidemark::goheap {
namespace {

constexpr uint64_t kMaxSpans = 1 << 25;
constexpr uint64_t kMaxSpanBytes = uint64_t{1} << 47;
constexpr uint64_t kMaxSmallSpanPages = 16;  // the size classes use 1 to 10
constexpr uint64_t kMaxGoroutines = 1 << 24;
constexpr uint64_t kMaxStackBytes = 1 << 30;  // the runtime's own limit
constexpr size_t kMaxModules = 64;
constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 36;
constexpr size_t kMaxRuntimeRoots = 1 << 24;
constexpr uint8_t kInUse = 1;  // mSpanInUse

std::string Hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

// Addresses and lengths out of a slice of pointers, in pieces, so that a lying length costs
// nothing.
template <typename Take>
bool EachPointer(const MemoryImage& image, uint64_t array, uint64_t count, Take take) {
  std::vector<uint64_t> part;
  for (uint64_t done = 0; done < count; done += part.size()) {
    part.resize(std::min<uint64_t>(count - done, 8192));
    if (!image.Read(array + done * 8, std::as_writable_bytes(std::span(part)))) return false;
    for (const uint64_t pointer : part) take(pointer);
  }
  return true;
}

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

Result<std::vector<GoModule>> ReadModules(const MemoryImage& image, const RuntimeLayout& layout,
                                          uint64_t first) {
  std::vector<GoModule> modules;
  const auto load = [&image](uint64_t address) {
    return image.Load<uint64_t>(address).value_or(0);
  };
  const auto mask = [&](uint64_t at) {
    // {n int32, bytedata *uint8}
    return PointerBitmap{load(at + 8), image.Load<uint32_t>(at).value_or(0) & 0x7fffffffu};
  };
  for (uint64_t at = first; at != 0 && modules.size() < kMaxModules;
       at = load(at + layout.module_next)) {
    GoModule module{.address = at};
    module.text = load(at + layout.module_text);
    module.etext = load(at + layout.module_text + 8);
    uint64_t* const ranges[] = {&module.data, &module.edata, &module.bss, &module.ebss};
    for (int i = 0; i < 4; ++i) *ranges[i] = load(at + layout.module_data + 8 * i);
    module.types = load(at + layout.module_types);
    module.etypes = load(at + layout.module_etypes);
    module.data_mask = mask(at + layout.module_data_mask);
    module.bss_mask = mask(at + layout.module_bss_mask);
    const auto seen = [&](const GoModule& other) { return other.data == module.data; };
    if (module.edata - module.data > kMaxSegmentBytes ||
        module.ebss - module.bss > kMaxSegmentBytes || module.types >= module.etypes ||
        std::any_of(modules.begin(), modules.end(), seen)) {
      break;
    }
    modules.push_back(module);
  }
  if (modules.empty()) {
    return Corrupt("runtime.firstmoduledata at " + Hex(first) +
                   " makes no sense: not the executable of this memory");
  }
  return modules;
}

namespace {

constexpr uint32_t kRunning = 2, kSyscall = 3;

// Where the live part of a goroutine's stack begins, and the registers that go with it.
void FindScanBegin(const MemoryImage& image, const RuntimeLayout& layout, uint64_t stack_begin,
                   std::span<const ThreadRegisters> threads, Goroutine& goroutine) {
  const auto inside = [&](uint64_t sp) { return sp >= stack_begin && sp < goroutine.stack_end; };
  for (const ThreadRegisters& thread : threads) {
    if (!inside(thread.sp)) continue;
    goroutine.scan_begin = thread.sp & ~uint64_t{7};
    goroutine.registers = thread.all;
    return;
  }
  // A running goroutine whose thread is elsewhere (in a signal handler) may have saved its stack
  // pointer long ago: all of the stack, then.
  goroutine.scan_begin = stack_begin;
  if (goroutine.status == kRunning) return;
  const bool syscall = goroutine.status == kSyscall;
  const uint64_t at = syscall ? layout.g_syscall_sp : layout.g_sched_sp;
  const uint64_t sp = image.Load<uint64_t>(goroutine.address + at).value_or(0);
  if (inside(sp)) goroutine.scan_begin = sp & ~uint64_t{7};
}

bool ReadGoroutine(const MemoryImage& image, const RuntimeLayout& layout, uint64_t address,
                   std::span<const ThreadRegisters> threads, Goroutine& goroutine) {
  constexpr uint32_t kScanning = 0x1000, kIdle = 0, kDead = 6;
  const auto status = image.Load<uint32_t>(address + layout.g_status);
  const auto low = image.Load<uint64_t>(address), high = image.Load<uint64_t>(address + 8);
  if (!status || !low || !high) return false;
  goroutine.status = *status & ~kScanning;
  if (goroutine.status == kIdle || goroutine.status == kDead || goroutine.status > 16) return false;
  if (*low >= *high || *high - *low > kMaxStackBytes) return false;
  goroutine.address = address;
  goroutine.stack_end = *high;
  goroutine.id = image.Load<uint64_t>(address + layout.g_id).value_or(0);
  goroutine.start_pc = image.Load<uint64_t>(address + layout.g_start_pc).value_or(0);
  goroutine.wait_reason = image.Load<uint8_t>(address + layout.g_wait_reason).value_or(0);
  FindScanBegin(image, layout, *low, threads, goroutine);
  return true;
}

}  // namespace

std::vector<Goroutine> ReadGoroutines(const MemoryImage& image, const RuntimeLayout& layout,
                                      uint64_t all_goroutines,
                                      std::span<const ThreadRegisters> threads) {
  std::vector<Goroutine> found;
  const uint64_t array = image.Load<uint64_t>(all_goroutines).value_or(0);
  const uint64_t count = image.Load<uint64_t>(all_goroutines + 8).value_or(0);
  EachPointer(image, array, std::min(count, kMaxGoroutines), [&](uint64_t address) {
    Goroutine goroutine;
    if (ReadGoroutine(image, layout, address, threads, goroutine)) {
      found.push_back(std::move(goroutine));
    }
  });
  // A stack belongs to one goroutine; where memory says otherwise the first one has it.
  std::stable_sort(found.begin(), found.end(), [](const Goroutine& a, const Goroutine& b) {
    return a.stack_end < b.stack_end;
  });
  uint64_t end = 0;
  std::erase_if(found, [&end](const Goroutine& goroutine) {
    if (goroutine.scan_begin < end) return true;
    end = goroutine.stack_end;
    return false;
  });
  return found;
}

namespace {

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

}  // namespace tidemark::goheap
