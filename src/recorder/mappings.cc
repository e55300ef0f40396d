// What is recorded for certain, not sampled: the program's own mappings and its threads' stacks.
#include "recorder/recorder.h"
#include "recorder/sys.h"
#include "recorder/thread_state.h"

namespace tidemark::recorder {

using ledger::Loss;

void Recorder::RecordMapping(uint64_t address, uint64_t bytes, const FrameState& caller) {
  if (bytes < Regions::kMinBytes) return;
  if (thread_state.busy) return ledger_.CountLoss(Loss::kReentered);
  thread_state.busy = true;
  if (EnterLedger()) {
    const uint32_t slot = regions_.full() ? LedgerWriter::kNoSlot
                                          : Record(address, bytes, ledger::kExactShift, caller);
    if (slot == LedgerWriter::kNoSlot) {
      ledger_.CountLoss(Loss::kLiveTableFull);
    } else {
      regions_.Add(address, bytes, slot);
    }
    lock_.Unlock();
  }
  thread_state.busy = false;
}

bool Recorder::ForgetMapping(uint64_t address, uint64_t bytes) {
  if (*alive_ != 1 || !ledger_.open() || !Enter()) return false;
  const bool known = regions_.Remove(address, bytes, &ledger_);
  Leave();
  return known;
}

uint64_t Recorder::RecordThread(const ThreadStacks::Start& start, uint64_t bytes, bool detached,
                                const FrameState& caller) {
  uint64_t ticket = ThreadStacks::kNoTicket;
  if (thread_state.busy) {
    ledger_.CountLoss(Loss::kReentered);
    return ticket;
  }
  thread_state.busy = true;
  if (EnterLedger()) {
    threads_.Sweep(&ledger_);
    const void* entry = threads_.FreeEntry();
    const uint32_t slot = entry == nullptr
                              ? LedgerWriter::kNoSlot
                              : Record(Address(entry), bytes, ledger::kExactShift, caller);
    if (slot == LedgerWriter::kNoSlot) {
      ledger_.CountLoss(Loss::kLiveTableFull);
    } else {
      ticket = threads_.Add(start, detached, slot);
    }
    lock_.Unlock();
  }
  thread_state.busy = false;
  return ticket;
}

void Recorder::SweepThreads() {
  if (!threads_.must_sweep() || *alive_ != 1 || !ledger_.open() || !Enter()) return;
  threads_.Sweep(&ledger_);
  Leave();
}

}  // namespace tidemark::recorder
