#include "goheap/go_snapshot.h"

#include <elf.h>
#include <unistd.h>

#include <fstream>

#include "base/text.h"
#include "goheap/go_memory_source.h"
#include "goheap/process_memory.h"
#include "goheap/process_stop.h"

namespace tidemark::goheap {
namespace {

using Clock = std::chrono::steady_clock;

struct Snapshot {
  std::unique_ptr<GoProgramFile> file;          // the memory has pieces of it
  std::unique_ptr<ProcessMemory> memory, late;  // as it stood; as it is now, for types
  std::unique_ptr<FallbackImage> types;
};

uint64_t EntryOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/auxv", std::ios::binary);
  for (uint64_t pair[2]; file.read(reinterpret_cast<char*>(pair), sizeof(pair));) {
    if (pair[0] == AT_ENTRY) return pair[1];
  }
  return 0;
}

uint64_t HalfOfAvailable() {
  std::ifstream file("/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("MemAvailable:")) return std::stoull(line.substr(13)) * 1024 / 2;
  }
  return uint64_t{1} << 30;
}

uint64_t ResidentBytes(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  uint64_t pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

// What of the heap is copied: objects that can hold pointers, short texts, and bitmaps beside the
// heap.
std::vector<AddressRange> RangesOf(const SpanTable& table, const PointerMasks& masks, bool beside,
                                   uint64_t max_text_bytes) {
  std::vector<AddressRange> ranges;
  for (const HeapSpan& span : table.spans) {
    if (span.pointer_free && span.slot_bytes > max_text_bytes) continue;
    ranges.push_back({span.begin, span.end()});
    if (!beside || span.pointer_free) continue;
    masks.EachBitmap(span, [&](uint64_t at, uint64_t bytes, bool) {
      ranges.push_back({at, at + bytes});
    });
  }
  return JoinRanges(std::move(ranges), 0);
}

uint64_t BytesOf(const std::vector<AddressRange>& ranges) {
  uint64_t bytes = 0;
  for (const AddressRange& range : ranges) bytes += range.end - range.begin;
  return bytes;
}

class Taker {
 public:
  Taker(pid_t pid, const SnapshotOptions& options, Snapshot& snapshot)
      : pid_(pid), options_(options), snapshot_(snapshot) {}

  Result<void> Take(SnapshotReport& report);

  GoProgram program;
  GoHeapTables tables;

 private:
  uint64_t EstimateCopy() const;
  Result<CopySpace> MakeSpace(int attempt) const;
  Result<void> TakeInto(CopySpace space, SnapshotReport& report);
  Result<void> CopyAll(CopySpace space, const StoppedProcess& stopped);
  void TouchTables();
  uint64_t Limit() const {
    return options_.max_copy_bytes != 0 ? options_.max_copy_bytes : HalfOfAvailable();
  }

  const pid_t pid_;
  const SnapshotOptions& options_;
  Snapshot& snapshot_;
};

// From the tables of the running program, which may be half written; by a view of the memory of its
// own, which is thrown away.
uint64_t Taker::EstimateCopy() const {
  const auto memory = ProcessMemory::Open(pid_);
  if (!memory) return 0;
  const auto table = ReadSpans(**memory, program.layout, program.addresses.heap);
  if (!table) return ResidentBytes(pid_);
  const PointerMasks masks(**memory, MaskRulesOf(program, **memory));
  const bool beside = !program.version.malloc_headers;
  return BytesOf(RangesOf(*table, masks, beside, options_.max_text_bytes));
}

// More than the estimate, for what the program allocates until it stands.
Result<CopySpace> Taker::MakeSpace(int attempt) const {
  const uint64_t limit = Limit(), estimate = EstimateCopy();
  const uint64_t room = estimate + estimate / 8 * (1 << attempt) + (uint64_t{16} << 20 << attempt);
  if (estimate > limit) {
    return TooLarge("the copy of process " + std::to_string(pid_) + " takes " +
                    FormatBytes(static_cast<double>(estimate)) + ", and " +
                    FormatBytes(static_cast<double>(limit)) +
                    " are allowed; allow more, or name a folder for it");
  }
  return CopySpace::Make(std::min(room, limit), options_.spool_directory);
}

Result<void> Taker::Take(SnapshotReport& report) {
  constexpr int kAttempts = 4;  // a program that allocates faster than we stop it needs more room
  for (int attempt = 0;; ++attempt) {
    TIDEMARK_ASSIGN_OR_RETURN(CopySpace space, MakeSpace(attempt));
    TIDEMARK_ASSIGN_OR_RETURN(snapshot_.memory, ProcessMemory::Open(pid_));
    const auto taken = TakeInto(std::move(space), report);
    if (taken || taken.error().code != ErrorCode::kResourceExhausted || attempt + 1 == kAttempts) {
      return taken;
    }
  }
}

Result<void> Taker::TakeInto(CopySpace space, SnapshotReport& report) {
  const auto begin = Clock::now();
  auto stopped = StoppedProcess::Stop(pid_, options_.patience);
  if (!stopped) return stopped.error();
  report.threads = stopped->thread_count();
  const auto copied = CopyAll(std::move(space), *stopped);
  stopped->Resume();
  report.pause_ms += std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  report.spans = tables.table.spans.size();
  report.copied_bytes = snapshot_.memory->copied_bytes();
  report.unreadable_bytes = snapshot_.memory->unreadable_bytes();
  return copied;
}

Result<void> Taker::CopyAll(CopySpace space, const StoppedProcess& stopped) {
  ProcessMemory& memory = *snapshot_.memory;
  const RuntimeLayout& layout = program.layout;
  TIDEMARK_ASSIGN_OR_RETURN(tables.modules,
                            ReadModules(memory, layout, program.addresses.first_module));
  TIDEMARK_ASSIGN_OR_RETURN(tables.table, ReadSpans(memory, layout, program.addresses.heap));
  const PointerMasks masks(memory, MaskRulesOf(program, memory));
  const bool beside = !program.version.malloc_headers;
  TIDEMARK_RETURN_IF_ERROR(
      memory.Copy(RangesOf(tables.table, masks, beside, options_.max_text_bytes), std::move(space),
                  options_.threads));
  const auto registers = stopped.Registers();
  tables.goroutines = ReadGoroutines(memory, layout, program.addresses.goroutines, registers);
  tables.roots = ReadRuntimeRoots(memory, layout, program.addresses, tables.table);
  TouchTables();
  return {};
}

// What is read later on must be here before the program changes it.
void Taker::TouchTables() {
  const ProcessMemory& memory = *snapshot_.memory;
  for (const HeapSpan& span : tables.table.spans) {
    if (span.free_index < span.slots) memory.Touch(span.alloc_bits, (span.slots + 7) / 8);
  }
  for (const GoModule& module : tables.modules) {
    memory.Touch(module.data, module.edata - module.data);
    memory.Touch(module.bss, module.ebss - module.bss);
    memory.Touch(module.data_mask.address, module.data_mask.words / 8 + 1);
    memory.Touch(module.bss_mask.address, module.bss_mask.words / 8 + 1);
  }
  for (const Goroutine& goroutine : tables.goroutines) {
    memory.Touch(goroutine.scan_begin, goroutine.stack_end - goroutine.scan_begin);
  }
}

}  // namespace

Result<std::unique_ptr<heapgraph::HeapSource>> SnapshotGoProcess(pid_t pid,
                                                                 const SnapshotOptions& options,
                                                                 SnapshotReport* report) {
  const std::string exe =
      options.executable.empty() ? "/proc/" + std::to_string(pid) + "/exe" : options.executable;
  auto snapshot = std::make_shared<Snapshot>();
  TIDEMARK_ASSIGN_OR_RETURN(snapshot->late, ProcessMemory::Open(pid));
  TIDEMARK_ASSIGN_OR_RETURN(snapshot->file, GoProgramFile::Open(exe));
  const uint64_t slide = snapshot->file->SlideOf(EntryOf(pid));
  Taker taker(pid, options, *snapshot);
  TIDEMARK_RETURN_IF_ERROR(snapshot->file->CheckAgainst(*snapshot->late, slide));
  taker.program = snapshot->file->At(slide);
  SnapshotReport unwanted;
  TIDEMARK_RETURN_IF_ERROR(taker.Take(report != nullptr ? *report : unwanted));
  snapshot->file->AddTo(snapshot->memory->known(), slide, false);
  snapshot->memory->Settle();
  snapshot->types = std::make_unique<FallbackImage>(*snapshot->memory, *snapshot->late);
  const uint64_t lost = snapshot->memory->unreadable_bytes();
  std::string damage =
      lost == 0 ? "" : std::to_string(lost) + " bytes of the heap could not be read";
  const MemoryImage& image = *snapshot->memory;
  const MemoryImage& types = *snapshot->types;
  return std::unique_ptr<heapgraph::HeapSource>(
      new GoMemorySource("go snapshot", std::move(taker.program), std::move(taker.tables), image,
                         types, std::move(snapshot), std::move(damage)));
}

}  // namespace tidemark::goheap
