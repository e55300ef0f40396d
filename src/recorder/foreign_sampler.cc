// jemalloc's own sampler, where it has hooks for its samples (experimental.hooks.prof_sample, since
// 5.3.1) and profiling is on (MALLOC_CONF=prof:true): each sample it takes goes into the ledger,
// with its interval and its stack. Calls that it does not sample cost nothing.
//
// jemalloc calls the hooks with none of its locks held, allocations inside them are not sampled. A
// block's end is told before it can be used again, but a realloc that leaves the block in place
// tells the new one first and then the end of the old one.
#include "recorder/foreign_sampler.h"

#include "recorder/next_functions.h"
#include "recorder/recorder.h"
#include "recorder/sys.h"
#include "recorder/thread_state.h"

namespace tidemark::recorder {
namespace {

using ledger::Loss;

using MallCtl = int (*)(const char*, void*, size_t*, void*, size_t);
using SampleHook = void (*)(const void*, size_t, void**, unsigned, size_t);
using FreeHook = void (*)(const void*, size_t);
constexpr const char* kSampleHook = "experimental.hooks.prof_sample";
constexpr const char* kFreeHook = "experimental.hooks.prof_sample_free";

constinit Definition mallctl{};

template <typename T>
bool Read(const char* name, T* value) {
  size_t bytes = sizeof *value;
  return reinterpret_cast<MallCtl>(mallctl.at)(name, value, &bytes, nullptr, 0) == 0 &&
         bytes == sizeof *value;
}

template <typename T>
bool Write(const char* name, T value) {
  return reinterpret_cast<MallCtl>(mallctl.at)(name, nullptr, nullptr, &value, sizeof value) == 0;
}

void OnSample(const void* block, size_t, void** stack, unsigned depth, size_t usable) {
  // The leaf-most frames are jemalloc's.
  unsigned own = 0;
  while (!mallctl.in_program && own < depth && Address(stack[own]) >= mallctl.code_start &&
         Address(stack[own]) < mallctl.code_limit) {
    ++own;
  }
  static_assert(sizeof(void*) == sizeof(uint64_t));
  recorder.RecordForeign(Address(block), usable, reinterpret_cast<uint64_t*>(stack + own),
                         depth - own);
}

void OnFree(const void* block, size_t) { recorder.ForgetForeign(Address(block)); }

}  // namespace

uint64_t FindForeignSampler() {
  constexpr size_t kMaxLog = 40;
  mallctl = FindFirst("mallctl");
  if (mallctl.at == nullptr) return 0;
  bool profiles = false;
  size_t log = 0;
  SampleHook sample = nullptr;
  FreeHook free = nullptr;
  if (!Read("opt.prof", &profiles) || !profiles) return 0;
  if (!Read("prof.lg_sample", &log) || log > kMaxLog) return 0;
  // A hook that is there already is somebody else's.
  if (!Read(kSampleHook, &sample) || sample != nullptr) return 0;
  if (!Read(kFreeHook, &free) || free != nullptr) return 0;
  return uint64_t{1} << log;
}

bool HookForeignSampler() { return Write(kFreeHook, &OnFree) && Write(kSampleHook, &OnSample); }

// Its estimates stand on the usable size, which is what its sampler counts.
void Recorder::RecordForeign(uint64_t address, size_t size, const uint64_t* frames, size_t depth) {
  if (!foreign_sampler_.load(std::memory_order_acquire)) return;
  if (thread_state.busy) return ledger_.CountLoss(Loss::kReentered);
  thread_state.busy = true;
  if (EnterLedger()) {
    if (depth > ledger::kMaxFrames) {
      depth = ledger::kMaxFrames;
      ledger_.CountLoss(Loss::kTruncatedStack);
    }
    const uint32_t slot = RecordStack(address, size, 0, frames, depth);
    const uint32_t before = slot == LedgerWriter::kNoSlot ? foreign_blocks_.Remove(address)
                                                          : foreign_blocks_.Set(address, slot);
    if (before != AddressIndex::kNoSlot) {
      ledger_.RemoveLive(before);
      thread_state.in_place = address;
    }
    if (ledger_.cut_short()) TurnOff(ledger::OffReason::kFileCutShort);
    lock_.Unlock();
  }
  thread_state.busy = false;
}

void Recorder::ForgetForeign(uint64_t address) {
  if (thread_state.in_place == address) {
    thread_state.in_place = 0;
    return;
  }
  if (*alive_ != 1 || !ledger_.open()) return;  // a forked child that has recorded nothing yet
  if (!Enter()) return ledger_.CountLoss(Loss::kLockBusy);
  const uint32_t slot = foreign_blocks_.Remove(address);
  if (slot != AddressIndex::kNoSlot) {
    const LedgerWriter::Stores stores(&ledger_);
    ledger_.RemoveLive(slot);
    ledger_.header()->sampled_frees += 1;
  }
  Leave();
}

}  // namespace tidemark::recorder
