// The recorder's side of the ledger: makes the file, keeps its tables. Control data (free list,
// hash index, addresses) is private memory, never read back from the file: whoever writes to the
// file cannot mislead the host, and a forked child does not touch its parent's. Threads: all but
// the plain counters need the recorder's lock.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <atomic>

#include "ledger/format.h"
#include "recorder/sys.h"

namespace tidemark::recorder {

struct SpanIds {
  uint8_t trace_id[16];
  uint8_t span_id[8];
};

struct LedgerOptions {
  const char* folder = nullptr;  // null: /tmp/tidemark-<uid>
  uint64_t sample_bytes = 0;
  uint32_t interval_shift = 0;
  bool forked = false;
};

class LedgerWriter {
 public:
  static constexpr uint32_t kNoSlot = 0xffffffff;

  // Makes and maps `<folder>/<pid>.ledger`, replacing one of the same pid. Any reason but kNone:
  // there is no ledger.
  ledger::OffReason Create(const LedgerOptions& options);
  bool open() const { return file_ != nullptr; }

  // Lets go of the mapping and of all live samples, without a trace in the file: for a child after
  // fork, whose file it is not.
  void Forget();
  // After Forget: an entry of the parent's module table, which never changes once published; null
  // when there is none. Until DropInherited.
  const ledger::Module* InheritedModule(int index) const;
  void DropInherited();

  ledger::Header* header() { return At<ledger::Header>(0, 0); }
  // Another process cut the file short: what is written since goes to private memory and nobody
  // sees it.
  bool cut_short() const { return cut_short_; }
  void CountLoss(ledger::Loss loss);
  void SetState(ledger::State state, ledger::OffReason reason);
  // Takes the file away again when nothing was ever sampled; else marks the process as exited.
  void Exit();

  // While one stands, stores to what lies before the end of the live samples are not checked one by
  // one: its making checks that end, and a file is cut from its end. For a handful of stores, with
  // nothing slow in between: what is cut off meanwhile ends the host.
  class Stores {
   public:
    explicit Stores(LedgerWriter* ledger) : ledger_(ledger) { ledger_->BeginStores(); }
    ~Stores() { ledger_->readable_end_.store(0, std::memory_order_relaxed); }
    Stores(const Stores&) = delete;
    Stores& operator=(const Stores&) = delete;

   private:
    LedgerWriter* ledger_;
  };

  // Index of the stack with these frames (added when new); kUnknownStack when the table is full.
  uint32_t InternStack(const uint64_t* frames, size_t depth);
  void CountAllocation(uint32_t stack, double bytes, double objects);

  // Puts a sample into the table; kNoSlot when it is full.
  uint32_t AddLive(const ledger::LiveSample& sample);
  void RemoveLive(uint32_t slot);
  bool live_full() const {
    return control_->live_free == 0 && control_->live_used == ledger::kLiveCapacity;
  }
  // What the slot holds, from private memory. address is 0 when it is free.
  uint64_t live_address(uint32_t slot) const { return control_->address[slot]; }
  uint64_t live_size(uint32_t slot) const { return control_->size[slot]; }
  uint32_t live_used() const { return control_->live_used; }
  void SetLiveShift(uint32_t slot, uint32_t shift);
  void SetLiveSize(uint32_t slot, uint64_t bytes);
  void SetIntervalShift(uint32_t shift);
  void CountThinned() { ++header()->thinned; }

  // Index of the new entry, or -1 when the table is full. Fields other than `state` are taken over.
  int AddModule(const ledger::Module& module);
  void MarkUnloaded(int index, uint64_t monotonic_ns);

 private:
  static constexpr uint32_t kIndexSize = 2 * ledger::kStackCapacity;
  struct Control {
    uint32_t live_free;  // slot + 1 of the first free slot below live_used; 0: none
    uint32_t live_used;
    uint32_t stacks_used;
    uint32_t frames_used;
    uint32_t modules_used;
    uint32_t next_free[ledger::kLiveCapacity];
    uint64_t address[ledger::kLiveCapacity];
    uint64_t size[ledger::kLiveCapacity];
    uint32_t sequence[ledger::kLiveCapacity];
    uint64_t stack_hash[ledger::kStackCapacity];
    uint32_t stack_index[kIndexSize];  // stack + 1; open addressing
  };

  bool MapFile(int fd);
  void Unmap();
  bool FillHeader(const LedgerOptions& options);
  bool Back(uint64_t end, uint64_t section_end, uint64_t* backed);
  ledger::Module* module(uint32_t i) { return At<ledger::Module>(ledger::kModulesOffset, i); }
  ledger::Stack* stack(uint32_t i) { return At<ledger::Stack>(ledger::kStacksOffset, i); }
  ledger::LiveSample* live(uint32_t i) { return At<ledger::LiveSample>(ledger::kLiveOffset, i); }
  // Entry `i` of a section, safe to store to: a store beyond the end of the file would end the
  // host.
  template <typename T>
  T* At(uint64_t section, uint32_t i) {
    T* entry = reinterpret_cast<T*>(file_ + section) + i;
    if (Address(entry) >= readable_end_.load(std::memory_order_relaxed) &&
        !Readable(Address(entry)))
      Detach();
    return entry;
  }
  void BeginStores();
  void Detach();

  uint8_t* file_ = nullptr;
  uint8_t* inherited_ = nullptr;  // the parent's file, after Forget; only read
  Control* control_ = nullptr;
  std::atomic<uint64_t> readable_end_{0};  // address; 0 without Stores. Also read without the lock
  bool cut_short_ = false;
  bool all_backed_ = false;  // the file has no holes: no page needs asking for
  uint64_t backed_modules_ =
      0;  // offsets in the file up to which each section may be written without risking SIGBUS
  uint64_t backed_stacks_ = 0;
  uint64_t backed_frames_ = 0;
  uint64_t backed_live_ = 0;
  char path_[512] = {};  // of the finished file, absolute
};

}  // namespace tidemark::recorder
