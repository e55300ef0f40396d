#include "recorder/module_table.h"

#include <string.h>
#include <time.h>

#include "recorder/elf_image.h"
#include "recorder/sys.h"

namespace tidemark::recorder {

struct ModuleTable::Pass {
  ModuleTable* table;
  SpinLock* lock;
  LedgerWriter* ledger;
  RuleCache* rules;
  uint64_t changes = 0;
  bool locked = false;
  bool span_seen = false;
};

namespace {

uint64_t Identity(const dl_phdr_info& info, uint64_t start) {
  uint64_t hash = start * 0x9e3779b97f4a7c15 + info.dlpi_phnum;
  for (const char* c = info.dlpi_name; c != nullptr && *c != 0; ++c) {
    hash = (hash ^ static_cast<uint8_t>(*c)) * 0x100000001b3;
  }
  return hash;
}

// The object's path: absolute where the loader's name is a path; the program itself has none there.
void FillPath(const dl_phdr_info& info, ledger::Header* header, ledger::Module* module) {
  const char* name = info.dlpi_name == nullptr ? "" : info.dlpi_name;
  size_t length = 0;
  if (name[0] == 0 && header != nullptr) {
    name = header->exe_path;
  } else if (name[0] != '/' && strchr(name, '/') != nullptr) {
    const long bytes = Syscall(SYS_getcwd, Address(module->path), sizeof module->path / 2);
    if (!Failed(bytes) && bytes > 0) {
      length = static_cast<size_t>(bytes) - 1;
      module->path[length++] = '/';
    }
  }
  while (*name != 0 && length + 1 < sizeof module->path) module->path[length++] = *name++;
  module->path[length] = 0;
  module->path_bytes = static_cast<uint32_t>(length);
}

}  // namespace

void ModuleTable::Refresh(SpinLock* lock, LedgerWriter* ledger, RuleCache* rules) {
  if (forbidden_.load(std::memory_order_relaxed) || busy_.exchange(true, std::memory_order_acquire))
    return;
  Pass pass{.table = this, .lock = lock, .ledger = ledger, .rules = rules};
  dl_iterate_phdr(&ModuleTable::OnModule, &pass);
  if (pass.locked) {
    Finish(&pass);
    lock->Unlock();
  }
  busy_.store(false, std::memory_order_release);
}

void ModuleTable::Republish(LedgerWriter* ledger) {
  for (size_t i = 0; i < count_; ++i) {
    const ledger::Module* module = ledger->InheritedModule(known_[i].ledger_index);
    known_[i].ledger_index = module == nullptr ? -1 : ledger->AddModule(*module);
  }
}

bool ModuleTable::Forbid() {
  constexpr int kRounds = 20000;
  forbidden_.store(true, std::memory_order_relaxed);
  for (int round = 0; round < kRounds; ++round) {
    if (!busy_.exchange(true, std::memory_order_acquire)) return true;
    Syscall(SYS_sched_yield);
  }
  forbidden_.store(false, std::memory_order_relaxed);
  return false;
}

// Called for each object with the loader's lock held; ends the iteration at once when nothing
// changed.
int ModuleTable::OnModule(dl_phdr_info* info, size_t, void* argument) {
  auto* pass = static_cast<Pass*>(argument);
  ModuleTable* table = pass->table;
  if (!pass->locked) {
    pass->changes = info->dlpi_adds + info->dlpi_subs + 1;
    if (pass->changes == table->changes_.load(std::memory_order_relaxed)) return 1;
    if (!pass->lock->TryLock()) return 1;
    pass->locked = true;
    for (size_t i = 0; i < table->count_; ++i) table->known_[i].seen = false;
  }
  table->AddModule(*info, pass);
  return 0;
}

void ModuleTable::AddModule(const dl_phdr_info& info, Pass* pass) {
  const ElfImage image(info);
  for (size_t i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info.dlpi_phdr[i];
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0)
      AddSegment(info, image, segment, pass);
  }
  if (pass->span_seen || !image.has_tls()) return;
  const uint64_t identity = Identity(info, info.dlpi_addr);
  if (identity == span_identity_) {
    pass->span_seen = true;
    return;
  }
  const SpanSource source = FindSpanSource(info, image, !startup_done_);
  if (source.kind == SpanSource::kNone) return;
  span_source_ = source;
  span_identity_ = identity;
  pass->span_seen = true;
}

void ModuleTable::AddSegment(const dl_phdr_info& info, const ElfImage& image,
                             const ElfW(Phdr) & segment, Pass* pass) {
  const uint64_t start = info.dlpi_addr + segment.p_vaddr;
  const uint64_t identity = Identity(info, start);
  for (size_t i = 0; i < count_; ++i) {
    if (known_[i].identity == identity && known_[i].range.start == start) {
      known_[i].seen = true;
      return;
    }
  }
  if (count_ == ledger::kModuleCapacity) {
    pass->ledger->CountLoss(ledger::Loss::kModuleTableFull);
    return;
  }
  ledger::Module module = {};
  module.start = start;
  module.limit = start + segment.p_memsz;
  module.file_offset = segment.p_offset;
  module.load_bias = info.dlpi_addr;
  const uint8_t* build_id = nullptr;
  size_t bytes = image.BuildId(&build_id);
  if (bytes > sizeof module.build_id) bytes = sizeof module.build_id;
  if (bytes > 0) memcpy(module.build_id, build_id, bytes);
  module.build_id_bytes = static_cast<uint32_t>(bytes);
  FillPath(info, pass->ledger->header(), &module);

  Known& known = known_[count_++];
  known = {.range = {.start = start, .limit = module.limit},
           .identity = identity,
           .ledger_index = -1,
           .seen = true};
  if (pass->ledger->open()) known.ledger_index = pass->ledger->AddModule(module);
  const uint64_t table = image.eh_frame_hdr();
  if (table != 0 && image.SegmentEnd(table) != 0) {
    known.range.eh_frame_hdr = table;
    known.range.table_end = image.SegmentEnd(table);
    known.range.table_start = image.SegmentStart(table);
  }
}

// Drops what the loader no longer lists and sorts the rest.
void ModuleTable::Finish(Pass* pass) {
  size_t kept = 0;
  for (size_t i = 0; i < count_; ++i) {
    if (!known_[i].seen) {
      if (known_[i].ledger_index >= 0) {
        pass->ledger->MarkUnloaded(known_[i].ledger_index, ClockNs(CLOCK_MONOTONIC_COARSE));
      }
      continue;
    }
    known_[kept++] = known_[i];
  }
  count_ = kept;
  if (!pass->span_seen) {
    span_source_ = {};
    span_identity_ = 0;
  }
  // Insertion sort: the loader's order is nearly sorted, and there are hundreds at most.
  for (size_t i = 0; i < count_; ++i) {
    size_t at = i;
    for (; at > 0 && ranges_[at - 1].start > known_[i].range.start; --at)
      ranges_[at] = ranges_[at - 1];
    ranges_[at] = known_[i].range;
  }
  pass->rules->Clear();
  if (pass->ledger->open()) pass->ledger->header()->module_changes += 1;
  startup_done_ = true;
  changes_.store(pass->changes, std::memory_order_relaxed);
}

}  // namespace tidemark::recorder
