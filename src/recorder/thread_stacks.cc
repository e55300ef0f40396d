#include "recorder/thread_stacks.h"

namespace tidemark::recorder {

const void* ThreadStacks::FreeEntry() {
  for (size_t tried = 0; tried < kCapacity; ++tried, free_ = (free_ + 1) % kCapacity) {
    if (entries_[free_].state.load(std::memory_order_relaxed) == 0) return &entries_[free_];
  }
  return nullptr;
}

uint64_t ThreadStacks::Add(const Start& start, bool detached, uint32_t slot) {
  const uint64_t ticket = ++uses_ * kCapacity + free_;
  Entry& entry = entries_[free_];
  entry.thread.store(0, std::memory_order_relaxed);
  entry.start = start;
  entry.slot = slot;
  entry.state.store(ticket << kTicketShift | (detached ? kDetached : 0), std::memory_order_release);
  if (free_ >= used_.load(std::memory_order_relaxed))
    used_.store(static_cast<uint32_t>(free_ + 1), std::memory_order_release);
  return ticket;
}

ThreadStacks::Start ThreadStacks::Begin(uint64_t ticket, uint64_t thread) {
  const Start start = entries_[ticket % kCapacity].start;
  Name(ticket, thread);
  Mark(ticket, kBegun);
  return start;
}

void ThreadStacks::Sweep(LedgerWriter* ledger) {
  const uint32_t used = used_.load(std::memory_order_relaxed);
  for (uint32_t i = 0; must_sweep() && i < used; ++i) {
    Entry& entry = entries_[i];
    const uint64_t state = entry.state.load(std::memory_order_acquire);
    if ((state & kOver) != kOver) continue;
    ledger->RemoveLive(entry.slot);
    entry.state.store(0, std::memory_order_relaxed);
    over_.fetch_sub(1, std::memory_order_relaxed);
    free_ = i;
  }
}

void ThreadStacks::Clear() {
  for (uint32_t i = 0; i < used_; ++i) entries_[i].state.store(0, std::memory_order_relaxed);
  used_ = 0;
  over_ = 0;
  free_ = 0;
}

uint64_t ThreadStacks::Find(uint64_t thread) const {
  uint64_t oldest = kNoTicket;
  const uint32_t used = used_.load(std::memory_order_acquire);
  for (uint32_t i = 0; i < used; ++i) {
    if (entries_[i].thread.load(std::memory_order_acquire) != thread) continue;
    const uint64_t state = entries_[i].state.load(std::memory_order_acquire);
    const uint64_t ticket = state >> kTicketShift;
    if (state != 0 && (state & kGone) != kGone && (oldest == kNoTicket || ticket < oldest))
      oldest = ticket;
  }
  return oldest;
}

void ThreadStacks::Mark(uint64_t ticket, uint64_t what) {
  if (ticket == kNoTicket) return;
  Entry& entry = entries_[ticket % kCapacity];
  uint64_t state = entry.state.load(std::memory_order_acquire);
  do {
    if (state >> kTicketShift != ticket || (state & kOver) == kOver) return;
  } while (!entry.state.compare_exchange_weak(state, state | what, std::memory_order_acq_rel));
  if (((state | what) & kOver) == kOver) over_.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace tidemark::recorder
