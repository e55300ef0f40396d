#include "recorder/recorder.h"

#include <string.h>
#include <sys/sdt.h>
#include <time.h>

#include "recorder/sys.h"
#include "recorder/thread_state.h"

extern "C" {
__thread uint64_t tidemark_countdown;
extern void* __libc_stack_end;  // NOLINT: glibc's name; end of the main thread's stack
}

namespace tidemark::recorder {
namespace {

using ledger::Loss;
using ledger::OffReason;

constexpr uint64_t kNever = uint64_t{1} << 62;
constexpr uint32_t kMaxShift = 20;  // 512 KiB doubled 20 times is 512 GiB between samples

// Where the calling thread's stack ends: glibc puts a thread's control block above its stack; the
// main thread's lies elsewhere, below its stack.
uint64_t StackEnd(uint64_t sp) {
  const uint64_t pointer = ThreadPointer();
  return sp < pointer ? pointer : Address(__libc_stack_end);
}

}  // namespace

constinit thread_local ThreadState thread_state{};
constinit Recorder recorder;

// The lock, unless it was not had in its time so often in a row that whoever held it must be gone:
// a thread that was cancelled inside, or one that fork did not copy. Nothing is sampled from then
// on.
bool Recorder::TakeLock() {
  constexpr uint32_t kMostTimeouts = 8;  // of 20 ms
  if (lock_timeouts_.load(std::memory_order_relaxed) >= kMostTimeouts) return false;
  if (lock_.TryLock()) {
    if (lock_timeouts_.load(std::memory_order_relaxed) != 0) lock_timeouts_ = 0;
    return true;
  }
  if (++lock_timeouts_ == kMostTimeouts) TurnOff(OffReason::kLockTimeout);
  return false;
}

// Takes the lock for a thread that is not in the recorder yet. `busy` comes first and goes last: a
// signal handler in between would wait for the very thread it interrupted.
bool Recorder::Enter() {
  if (thread_state.busy) return false;
  thread_state.busy = true;
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (TakeLock()) return true;
  thread_state.busy = false;
  return false;
}

void Recorder::Leave() {
  lock_.Unlock();
  std::atomic_signal_fence(std::memory_order_seq_cst);
  thread_state.busy = false;
}

void* Recorder::TrySample(size_t size, size_t alignment, bool zero, uint64_t before,
                          const FrameState& caller) {
  uint32_t shift;
  if (!CountDown(size, before, &shift)) return nullptr;
  thread_state.busy = true;
  void* block = Sample({.size = size, .alignment = alignment, .zero = zero}, shift, caller);
  thread_state.busy = false;
  return block;
}

// A block that grows is likely to grow again: where it must move it gets room for half as much
// again, which costs address space and no memory until it is used.
void* Recorder::TrySampleGrown(size_t size, uint64_t before, const FrameState& caller) {
  uint32_t shift;
  if (!CountDown(size, before, &shift)) return nullptr;
  thread_state.busy = true;
  const size_t room = size < Slab::kRangeBytes / 4 ? size / 2 : 0;
  void* block = Sample({.size = size, .room = room}, shift, caller);
  thread_state.busy = false;
  return block;
}

// True when an allocation of `size` is to be sampled; `*shift` is the interval it was drawn with.
// Sets the countdown anew.
bool Recorder::CountDown(size_t size, uint64_t before, uint32_t* shift) {
  ThreadState* thread = &thread_state;
  const Mode mode = mode_.load(std::memory_order_acquire);
  if (mode != Mode::kActive) {
    tidemark_countdown = mode == Mode::kOff && !next_.foreign_new ? kNever : 0;
    return false;
  }
  if (thread->busy) {
    tidemark_countdown = before;
    ledger_.CountLoss(Loss::kReentered);
    return false;
  }
  const uint32_t shift_now = interval_shift_.load(std::memory_order_relaxed);
  if (!thread->ready) {
    thread->random.state = Seed();
    thread->gap_shift = shift_now;
    thread->remaining = DrawGap(&thread->random, Interval(shift_now));
    thread->ready = true;
  } else if (!next_.foreign_new) {
    thread->remaining = before;
  }
  const bool sampled = size >= thread->remaining;
  *shift = thread->gap_shift;
  if (sampled) {
    thread->gap_shift = shift_now;
    thread->remaining = DrawGap(&thread->random, Interval(shift_now));
  } else {
    thread->remaining -= size;
  }
  tidemark_countdown = next_.foreign_new ? 0 : thread->remaining;
  return sampled;
}

// Makes ready for a record: this process's ledger, its modules, the lock. False without it.
bool Recorder::EnterLedger() {
  if (*alive_ != 1 || !ledger_.open()) {
    if (!TakeLock()) return false;
    EnterForkedChild();
    const bool usable = EnsureLedger();
    lock_.Unlock();
    if (!usable) return false;
  }
  if (loader_usable_) modules_.Refresh(&lock_, &ledger_, &rules_);
  if (TakeLock()) return true;
  ledger_.CountLoss(Loss::kLockBusy);
  return false;
}

void* Recorder::Sample(const Request& request, uint32_t shift, const FrameState& caller) {
  if (!EnterLedger()) return nullptr;
  DrainDeferred();
  bool zeroed = false;
  const size_t alignment = request.alignment < 64 ? 64 : request.alignment;
  void* block = slab_.Allocate(request.size + request.room, alignment, &zeroed);
  if (block == nullptr && request.room != 0)
    block = slab_.Allocate(request.size, alignment, &zeroed);
  if (block == nullptr) {
    ledger_.CountLoss(Loss::kSlabFull);
  } else {
    const uint32_t slot = Record(Address(block), request.size, shift, caller);
    if (slot != LedgerWriter::kNoSlot) slab_.SetTag(block, slot + 1);
  }
  if (ledger_.cut_short()) TurnOff(OffReason::kFileCutShort);
  lock_.Unlock();
  if (block != nullptr && request.zero && !zeroed) memset(block, 0, request.size);
  return block;
}

// The new sample's slot; kNoSlot when it is not kept.
uint32_t Recorder::Record(uint64_t address, size_t size, uint32_t shift, const FrameState& caller) {
  uint64_t frames[ledger::kMaxFrames];
  const UnwindResult unwound = Unwind(caller, StackEnd(caller.sp), modules_.ranges(), &rules_,
                                      &thread_state.stack, frames, ledger::kMaxFrames);
  if (!unwound.complete) ledger_.CountLoss(Loss::kTruncatedStack);
  return RecordStack(address, size, shift, frames, unwound.depth);
}

uint32_t Recorder::RecordStack(uint64_t address, size_t size, uint32_t shift,
                               const uint64_t* frames, size_t depth) {
  const uint32_t stack = ledger_.InternStack(frames, depth);
  const bool exact = shift == ledger::kExactShift;
  const double objects = exact ? 1 : 1 / SampleProbability(size, Interval(shift));
  const double bytes = static_cast<double>(size) * objects;
  ledger::LiveSample sample = {};
  sample.address = address;
  sample.size = size;
  sample.alloc_monotonic_ns = ClockNs(CLOCK_MONOTONIC_COARSE);
  sample.stack = stack;
  SpanIds span;
  if (ReadSpan(modules_.span_source(), &span)) {
    memcpy(sample.trace_id, span.trace_id, sizeof sample.trace_id);
    memcpy(sample.span_id, span.span_id, sizeof sample.span_id);
  }
  if (ledger_.live_full() && !MakeRoom()) ledger_.CountLoss(Loss::kLiveTableFull);
  DTRACE_PROBE3(otel_memory, alloc, address, size, static_cast<uint64_t>(bytes));

  const LedgerWriter::Stores stores(&ledger_);
  ledger_.CountAllocation(stack, bytes, objects);
  ledger_.header()->slab_bytes = slab_.used_bytes();
  // The gap may have been drawn before the interval doubled, which MakeRoom does as well.
  for (; !exact && shift < interval_shift_.load(std::memory_order_relaxed); ++shift) {
    if (thread_state.random.Unit() > KeepOnDoubling(size, Interval(shift))) {
      ledger_.CountThinned();
      return LedgerWriter::kNoSlot;
    }
  }
  sample.interval_shift = shift;
  return ledger_.AddLive(sample);
}

// Doubles the sampling interval and drops live samples so that each of the rest is as if it had
// been sampled at the new one. False when none could be dropped.
bool Recorder::MakeRoom() {
  const uint32_t shift = interval_shift_.load(std::memory_order_relaxed);
  if (shift == kMaxShift) return false;
  bool dropped = false;
  for (uint32_t slot = 0; slot < ledger_.live_used(); ++slot) {
    const uint64_t address = ledger_.live_address(slot);
    const bool foreign = foreign_sampler_.load(std::memory_order_relaxed);
    if (address == 0 || !(foreign || slab_.Contains(reinterpret_cast<void*>(address)))) continue;
    if (thread_state.random.Unit() <= KeepOnDoubling(ledger_.live_size(slot), Interval(shift))) {
      ledger_.SetLiveShift(slot, shift + 1);
      continue;
    }
    if (foreign) {
      foreign_blocks_.Remove(address);
    } else {
      slab_.SetTag(reinterpret_cast<void*>(address), Slab::kNoTag);
    }
    ledger_.RemoveLive(slot);
    ledger_.CountThinned();
    dropped = true;
  }
  interval_shift_.store(shift + 1, std::memory_order_relaxed);
  ledger_.SetIntervalShift(shift + 1);
  return dropped;
}

void Recorder::Free(void* pointer) {
  if (slab_.UsableBytes(pointer) == 0) return ledger_.CountLoss(Loss::kUnknownFree);
  if (!Enter()) return Defer(pointer);
  EnterForkedChild();
  DrainDeferred();
  Slab::Release release = RecordFree(pointer);
  bool locked = true;
  if (release.purge_bytes != 0) {
    lock_.Unlock();
    Slab::Purge(pointer, &release);
    locked = lock_.TryLock();  // else the block stays out of use
  }
  if (locked) {
    if (release.known) slab_.EndRelease(pointer, release);
    lock_.Unlock();
  }
  thread_state.busy = false;
}

// Takes the block's sample off the table, then begins its release: a free is on record before the
// block can be used again.
Slab::Release Recorder::RecordFree(void* pointer) {
  if (slab_.UsableBytes(pointer) == 0) {
    ledger_.CountLoss(Loss::kUnknownFree);
    return {};
  }
  DropSample(pointer);
  return slab_.BeginRelease(pointer);
}

void Recorder::DropSample(void* pointer) {
  DTRACE_PROBE1(otel_memory, free, pointer);
  const uint32_t tag = slab_.Tag(pointer);
  slab_.SetTag(pointer, Slab::kNoTag);
  // After fork the tag may be one of the parent's: then the slot is not this block's.
  if (tag == Slab::kNoTag || !ledger_.open() || ledger_.live_address(tag - 1) != Address(pointer))
    return;
  const LedgerWriter::Stores stores(&ledger_);
  ledger_.RemoveLive(tag - 1);
  ledger_.header()->sampled_frees += 1;
}

void* Recorder::Reallocate(void* pointer, size_t size, uint64_t before, const FrameState& caller) {
  const size_t old_bytes = slab_.UsableBytes(pointer);
  if (old_bytes == 0) {
    ledger_.CountLoss(Loss::kUnknownFree);
    return nullptr;
  }
  const bool stays = size <= old_bytes && (size >= old_bytes / 2 || old_bytes <= Slab::kUnitBytes);
  if (stays || GrowInPlace(pointer, size)) {
    RecordAgain(pointer, size, before, caller);
    return pointer;
  }
  void* block = size > old_bytes ? TrySampleGrown(size, before, caller)
                                 : TrySample(size, 0, false, before, caller);
  if (block == nullptr) block = next_.malloc(size);
  if (block == nullptr) return nullptr;
  size_t bytes = size < old_bytes ? size : old_bytes;
  const uint64_t whole_pages = bytes & ~uint64_t{4095};
  const bool moved = whole_pages >= Slab::kMovePagesFrom && Owns(block) &&
                     Slab::MovePages(pointer, block, whole_pages);
  const uint64_t done = moved ? whole_pages : 0;
  memcpy(static_cast<char*>(block) + done, static_cast<char*>(pointer) + done, bytes - done);
  Free(pointer);
  return block;
}

bool Recorder::GrowInPlace(void* pointer, size_t size) {
  if (size < Slab::kUnitBytes || *alive_ != 1 || !Enter()) return false;
  const bool grown = slab_.UsableBytes(pointer) < size && slab_.GrowInPlace(pointer, size);
  Leave();
  return grown;
}

// A realloc that leaves the block where it is counts like a free and an allocation all the same.
void Recorder::RecordAgain(void* pointer, size_t size, uint64_t before, const FrameState& caller) {
  uint32_t shift;
  const bool sampled = CountDown(size, before, &shift);
  if (*alive_ != 1 || !Enter()) return;
  DropSample(pointer);
  if (sampled && ledger_.open()) {
    const uint32_t slot = Record(Address(pointer), size, shift, caller);
    if (slot != LedgerWriter::kNoSlot) slab_.SetTag(pointer, slot + 1);
  }
  Leave();
}

void Recorder::Defer(void* pointer) {
  void* head = deferred_.load(std::memory_order_relaxed);
  do {
    *static_cast<void**>(pointer) = head;
  } while (!deferred_.compare_exchange_weak(head, pointer, std::memory_order_release,
                                            std::memory_order_relaxed));
}

void Recorder::DrainDeferred() {
  if (deferred_.load(std::memory_order_relaxed) == nullptr) return;
  void* pointer = deferred_.exchange(nullptr, std::memory_order_acquire);
  while (pointer != nullptr) {
    void* next = *static_cast<void**>(pointer);
    Slab::Release release = RecordFree(pointer);
    if (!release.known) return;  // freed twice by the host: the rest of the list cannot be trusted
    Slab::Purge(pointer, &release);
    slab_.EndRelease(pointer, release);
    pointer = next;
  }
}

}  // namespace tidemark::recorder
