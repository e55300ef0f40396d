#include "goheap/runtime_walk.h"

#include <algorithm>

#include "goheap/image_text.h"

namespace tidemark::goheap {
namespace {

constexpr uint64_t kMaxGoroutines = 1 << 24;
constexpr uint64_t kMaxStackBytes = 1 << 30;  // the runtime's own limit
constexpr size_t kMaxModules = 64;
constexpr uint64_t kMaxSegmentBytes = uint64_t{1} << 36;

}  // namespace

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

}  // namespace tidemark::goheap
