// Stacks of threads made by pthread_create: recorded exactly, like mappings (regions.h), from
// pthread_create until the thread is joined, or has ended and is detached.
//
// A thread that begins, ends, is joined or detached only marks its entry, without a lock: a mark
// that is lost would be a leak that is not there. Whoever next holds the recorder's lock takes
// what is over off the ledger (Sweep).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <atomic>

#include "recorder/ledger_writer.h"

namespace tidemark::recorder {

// Memory: 192 KiB, touched as it fills.
class ThreadStacks {
 public:
  static constexpr size_t kCapacity = 4096;
  static constexpr uint64_t kNoTicket = 0;
  struct Start {
    void* (*routine)(void*);
    void* argument;
  };

  // Under the recorder's lock. A free entry's address stands for the stack's in the ledger: where
  // the stack will lie is not known yet. Null when all are in use.
  const void* FreeEntry();
  // Takes the free entry for a thread that is about to be made. `slot`: of its sample.
  uint64_t Add(const Start& start, bool detached, uint32_t slot);
  bool must_sweep() const { return over_.load(std::memory_order_relaxed) != 0; }
  void Sweep(LedgerWriter* ledger);
  // Forgets all without a trace in the ledger: for a child after fork.
  void Clear();

  // Without a lock. A ticket is good until its thread is over. Begin is for the new thread, once:
  // what it starts with. Until then its entry stays, whatever others say of its pthread_t, which
  // may mean a thread that is not on record.
  Start Begin(uint64_t ticket, uint64_t thread);
  // `thread`: pthread_t. Both the new thread and its maker tell: either may need it first.
  void Name(uint64_t ticket, uint64_t thread) { entries_[ticket % kCapacity].thread = thread; }
  void Made(uint64_t ticket) { Mark(ticket, kMade); }
  void Ended(uint64_t ticket) { Mark(ticket, kEnded); }
  void Detached(uint64_t thread) { Mark(Find(thread), kDetached); }
  // After the join. Its pthread_t may be in use again by then: of two, the older is meant.
  void Joined(uint64_t thread) { Mark(Find(thread), kGone); }
  // Never came to be.
  void Failed(uint64_t ticket) { Mark(ticket, kOver); }

 private:
  static constexpr uint64_t kEnded = 1, kDetached = 2, kGone = kEnded | kDetached;
  static constexpr uint64_t kMade = 4;   // its maker will not come back to the entry
  static constexpr uint64_t kBegun = 8;  // its thread has read the entry
  static constexpr uint64_t kOver = kGone | kMade | kBegun;
  static constexpr int kTicketShift = 4;
  struct Entry {
    // (ticket << kTicketShift) | what has happened to it; 0: free. The ticket in it tells an entry
    // that was used again.
    std::atomic<uint64_t> state;
    std::atomic<uint64_t> thread;
    Start start;
    uint32_t slot;
  };
  uint64_t Find(uint64_t thread) const;
  void Mark(uint64_t ticket, uint64_t what);

  std::atomic<uint32_t> used_{0};  // entries ever in use
  std::atomic<uint32_t> over_{0};  // entries to sweep
  uint64_t uses_ = 0;              // of any entry; with the entry's index it makes a ticket
  size_t free_ = 0;                // where to look for a free entry first
  Entry entries_[kCapacity] = {};
};

}  // namespace tidemark::recorder
