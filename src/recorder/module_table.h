// The executable mappings of the process, as the loader knows them: for walking stacks here and for
// symbolizing elsewhere.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <atomic>

#include "recorder/ledger_writer.h"
#include "recorder/span_context.h"
#include "recorder/spin_lock.h"
#include "recorder/unwinder.h"

namespace tidemark::recorder {

class ModuleTable {
 public:
  // Catches up with dlopen and dlclose; cheap when neither happened. The caller must NOT hold
  // `lock`: the loader's lock is taken first, then `lock`, and that order must be the only one. Any
  // thread; one at a time does the work, others go on.
  void Refresh(SpinLock* lock, LedgerWriter* ledger, RuleCache* rules);

  // Writes all known modules into a new ledger, taking their descriptions from `ledger`'s inherited
  // file: for a forked child, where the loader's lock may be held by a thread that is no more.
  // Needs the lock.
  void Republish(LedgerWriter* ledger);

  // Keeps every thread out of Refresh, and so from holding the loader's lock on our account, until
  // Allow. False when one did not come out in time.
  bool Forbid();
  void Allow() {
    busy_.store(false, std::memory_order_release);
    forbidden_.store(false, std::memory_order_release);
  }

  // Both need the lock.
  CodeRanges ranges() const { return {ranges_, count_}; }
  const SpanSource& span_source() const { return span_source_; }

 private:
  struct Known {
    CodeRange range;
    uint64_t identity;  // hash of name and load address
    int ledger_index;
    bool seen;
  };
  struct Pass;

  static int OnModule(dl_phdr_info* info, size_t size, void* pass);
  void AddModule(const dl_phdr_info& info, Pass* pass);
  void AddSegment(const dl_phdr_info& info, const ElfImage& image, const ElfW(Phdr) & segment,
                  Pass* pass);
  void Finish(Pass* pass);

  std::atomic<bool> busy_{false};
  std::atomic<bool> forbidden_{false};  // a fork is waiting: newcomers stay out
  std::atomic<uint64_t> changes_{0};    // dlopens + dlcloses + 1 at the last pass; 0: none yet
  bool startup_done_ = false;
  SpanSource span_source_;
  uint64_t span_identity_ = 0;
  size_t count_ = 0;
  Known known_[ledger::kModuleCapacity] = {};
  CodeRange ranges_[ledger::kModuleCapacity] = {};  // known_'s, sorted by start
};

}  // namespace tidemark::recorder
