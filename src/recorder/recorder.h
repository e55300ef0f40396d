// The recorder: one a process. Hooks count bytes down on a thread-local word and come here when it
// runs out, or when a freed pointer lies in the sampled range.
//
// Life: kUnready until the first allocation of the process; then it is known which allocator comes
// next (kPassing); our constructor, run by the loader before the program's, starts sampling
// (kActive) or not (kOff, kForeign). kOff is final.
//
// Locks, in this order: the loader's (dl_iterate_phdr), then `lock_`. Nothing is called with
// `lock_` held that could take another lock or wait. A thread inside the recorder has `busy` set: a
// signal handler that interrupts it is served unsampled, and what it frees is put on a list that
// the next holder of the lock works off.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <atomic>

#include "recorder/address_index.h"
#include "recorder/module_table.h"
#include "recorder/next_functions.h"
#include "recorder/regions.h"
#include "recorder/sampler.h"
#include "recorder/slab.h"
#include "recorder/thread_functions.h"
#include "recorder/thread_stacks.h"

// Bytes this thread may still allocate before it must look closer. 0 makes every allocation look,
// and is what a thread starts with. Initial-exec: one instruction away from %fs.
extern "C" {
[[gnu::visibility("hidden")]] extern __thread uint64_t tidemark_countdown;
}

namespace tidemark::recorder {

enum class Mode : uint32_t { kUnready, kPreparing, kPassing, kActive, kOff, kForeign };

// Sends the frees of blocks that are not sampled to `next_free` (null: glibc's) from now on; the
// deletes stay with the slow functions where the program has its own (`foreign_new`).
void OpenExits(void (*next_free)(void*), bool foreign_new);
// Makes the exits read-only. Called once the program's threads may start.
void ProtectExits();

class Recorder {
 public:
  // A sampled block for this allocation, or null: then it is not sampled (or could not be) and is
  // the next allocator's. `alignment` 0 is malloc's. `before` is what the countdown was before the
  // hook subtracted `size`.
  void* TrySample(size_t size, size_t alignment, bool zero, uint64_t before,
                  const FrameState& caller);

  // The same for a block that realloc makes larger.
  void* TrySampleGrown(size_t size, uint64_t before, const FrameState& caller);

  // True when `pointer` lies in the sampled range; such pointers are never the next allocator's.
  bool Owns(const void* pointer) const { return slab_.Contains(pointer); }
  // Records the free of an owned pointer and takes the block back.
  void Free(void* pointer);
  size_t UsableBytes(const void* pointer) const { return slab_.UsableBytes(pointer); }
  // Resizes an owned block: by remapping pages where large. Null when memory is exhausted: the old
  // block stays live.
  void* Reallocate(void* pointer, size_t size, uint64_t before, const FrameState& caller);

  const NextFunctions& next() { return next_; }
  bool foreign_malloc() const { return next_.foreign_malloc; }
  bool foreign_new() const { return next_.foreign_new; }

  // Mappings of the program's own (regions.h), when it was asked for them.
  bool records_mappings() const {
    return records_mappings_ && mode_.load(std::memory_order_relaxed) == Mode::kActive;
  }
  void RecordMapping(uint64_t address, uint64_t bytes, const FrameState& caller);
  // What is unmapped or about to be. True when something of it was on record.
  bool ForgetMapping(uint64_t address, uint64_t bytes);

  // Threads' stacks (thread_stacks.h), when it was asked for mappings and libc has what it takes.
  bool records_threads() const { return records_threads_ && records_mappings(); }
  // Before a thread is made, with a stack of `bytes`. A ticket, or kNoTicket: not recorded.
  uint64_t RecordThread(const ThreadStacks::Start& start, uint64_t bytes, bool detached,
                        const FrameState& caller);
  ThreadStacks& threads() { return threads_; }
  // After threads() was told that one is over.
  void SweepThreads();

  // What the sampler of another allocator tells (foreign_sampler.cc). `frames`: leaf first.
  void RecordForeign(uint64_t address, size_t size, const uint64_t* frames, size_t depth);
  void ForgetForeign(uint64_t address);

  // Finds the next allocator, once. Every slow path calls it first.
  void Prepare();
  // From the constructor and destructor of the library.
  void Start(char** environment);
  void Exit();
  // Around fork(); WatchForks has libc call the other two.
  void WatchForks();
  void BeforeFork();
  void AfterFork(bool in_child);

 private:
  bool Enter();
  void Leave();
  void EnterForkedChild();
  bool TakeLock();
  bool EnsureLedger();
  void TurnOff(ledger::OffReason reason);
  bool CountDown(size_t size, uint64_t before, uint32_t* shift);
  struct Request {
    size_t size = 0, alignment = 0;
    size_t room = 0;  // beyond `size`, where it can be had
    bool zero = false;
  };
  void* Sample(const Request& request, uint32_t shift, const FrameState& caller);
  uint32_t Record(uint64_t address, size_t size, uint32_t shift, const FrameState& caller);
  uint32_t RecordStack(uint64_t address, size_t size, uint32_t shift, const uint64_t* frames,
                       size_t depth);
  void StartForeign(bool fork_seen, uint64_t interval);
  bool samples() const {
    return mode_.load(std::memory_order_relaxed) == Mode::kActive ||
           foreign_sampler_.load(std::memory_order_relaxed);
  }
  bool EnterLedger();
  bool MakeRoom();
  Slab::Release RecordFree(void* pointer);
  void DropSample(void* pointer);
  bool GrowInPlace(void* pointer, size_t size);
  void RecordAgain(void* pointer, size_t size, uint64_t before, const FrameState& caller);
  void Defer(void* pointer);
  void DrainDeferred();
  double Interval(uint32_t shift) const { return static_cast<double>(sample_bytes_ << shift); }

  std::atomic<Mode> mode_{Mode::kUnready};
  std::atomic<bool> foreign_sampler_{false};  // the mode is kForeign, its samples are recorded
  std::atomic<uint32_t> interval_shift_{0};
  std::atomic<uint32_t> lock_timeouts_{0};  // in a row
  std::atomic<void*> deferred_{nullptr};  // blocks freed while their owner could not take the lock,
                                          // linked through their first word
  NextFunctions next_{};
  uint64_t sample_bytes_ = 0;
  char folder_[256] = {};
  bool has_folder_ = false;
  bool records_mappings_ = false;
  bool records_threads_ = false;
  bool forked_ = false;
  bool fork_locked_ = false;
  bool fork_quiet_ = false;  // BeforeFork keeps others out of the module table
  bool fork_alone_ =
      false;  // the fork under way began with one thread, and no refresh was under way
  bool loader_usable_ =
      true;  // false in a child whose copy of the loader's lock may be held by nobody that exists
  volatile uint32_t* alive_ =
      nullptr;  // 1 in the process that set it, 0 in a child (MADV_WIPEONFORK)

  SpinLock lock_;
  // Under lock_:
  Slab slab_;
  Regions regions_;
  AddressIndex foreign_blocks_;
  ThreadStacks threads_;  // its marks need no lock
  LedgerWriter ledger_;
  ModuleTable modules_;
  RuleCache rules_;
};

[[gnu::visibility("hidden")]] extern Recorder recorder;

}  // namespace tidemark::recorder
