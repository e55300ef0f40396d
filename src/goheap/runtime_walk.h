// What the Go runtime's own tables in a memory image say: modules, goroutines, what it holds
// itself.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "goheap/memory_image.h"
#include "goheap/span_table.h"
#include "goheap/thread_registers.h"
#include "heapgraph/heap_events.h"

namespace tidemark::goheap {

// Addresses of the runtime's variables in the process; 0: this version has none.
struct RuntimeAddresses {
  uint64_t heap = 0;          // runtime.mheap_
  uint64_t goroutines = 0;    // runtime.allgs
  uint64_t first_module = 0;  // runtime.firstmoduledata
  uint64_t finalizers = 0;    // runtime.allfin
  uint64_t cleanups = 0;      // runtime.gcCleanups
};

struct PointerBitmap {
  uint64_t address = 0, words = 0;  // of memory that it describes, a bit each
};
struct GoModule {
  uint64_t address = 0;  // of its moduledata
  uint64_t text = 0, etext = 0, data = 0, edata = 0, bss = 0, ebss = 0, types = 0, etypes = 0;
  PointerBitmap data_mask, bss_mask;
};
// The executable's first, then those of plugins. Errors: corrupt, the first cannot be read or makes
// no sense (the executable is not that of the memory).
Result<std::vector<GoModule>> ReadModules(const MemoryImage& image, const RuntimeLayout& layout,
                                          uint64_t first);

struct Goroutine {
  uint64_t address = 0, id = 0, start_pc = 0;
  uint32_t status = 0;
  uint8_t wait_reason = 0;
  uint64_t scan_begin = 0, stack_end = 0;  // of its stack, what can hold pointers
  std::vector<uint64_t> registers;         // of the thread that runs on its stack
};
// Those alive, at most 2^24. `threads` are the operating system's.
std::vector<Goroutine> ReadGoroutines(const MemoryImage& image, const RuntimeLayout& layout,
                                      uint64_t all_goroutines,
                                      std::span<const ThreadRegisters> threads);

// What the runtime itself holds: functions of finalizers and cleanups, handles of weak pointers,
// and what waits to be finalized.
struct RuntimeRoot {
  heapgraph::RootKind kind = heapgraph::RootKind::kSystem;
  uint64_t target = 0;
};
std::vector<RuntimeRoot> ReadRuntimeRoots(const MemoryImage& image, const RuntimeLayout& layout,
                                          const RuntimeAddresses& addresses,
                                          const SpanTable& table);

// All of them.
struct GoHeapTables {
  SpanTable table;
  std::vector<GoModule> modules;
  std::vector<Goroutine> goroutines;
  std::vector<RuntimeRoot> roots;
};
// Errors: those of ReadModules and ReadSpans.
Result<GoHeapTables> ReadGoHeapTables(const MemoryImage& image, const RuntimeLayout& layout,
                                      const RuntimeAddresses& addresses,
                                      std::span<const ThreadRegisters> threads);

}  // namespace tidemark::goheap
