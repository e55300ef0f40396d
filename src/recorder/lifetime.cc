// How the recorder starts, ends, and comes through fork.
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "recorder/foreign_sampler.h"
#include "recorder/recorder.h"
#include "recorder/sys.h"
#include "recorder/thread_state.h"

extern "C" {
[[gnu::weak]] extern char
    __libc_single_threaded;  // NOLINT: glibc 2.32's name; 0 once there was a second thread
}

namespace tidemark::recorder {
namespace {

using ledger::OffReason;

// Value of NAME in `environment`, or null.
const char* Lookup(char** environment, const char* name) {
  const size_t length = strlen(name);
  for (char** entry = environment; entry != nullptr && *entry != nullptr; ++entry) {
    if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return *entry + length + 1;
  }
  return nullptr;
}

// A decimal number of bytes with an optional K, M or G (powers of 1024); `fallback` for anything
// else.
uint64_t ParseBytes(const char* text, uint64_t fallback) {
  constexpr uint64_t kMost = uint64_t{1} << 40;
  if (text == nullptr || *text == 0) return fallback;
  uint64_t value = 0;
  while (*text >= '0' && *text <= '9' && value <= kMost)
    value = value * 10 + static_cast<uint64_t>(*text++ - '0');
  switch (*text) {
    case 'K':
    case 'k':
      value <<= 10;
      ++text;
      break;
    case 'M':
    case 'm':
      value <<= 20;
      ++text;
      break;
    case 'G':
    case 'g':
      value <<= 30;
      ++text;
      break;
    default:
      break;
  }
  return *text == 0 && value > 0 && value <= kMost ? value : fallback;
}

}  // namespace

void Recorder::Prepare() {
  Mode expected = Mode::kUnready;
  if (!mode_.compare_exchange_strong(expected, Mode::kPreparing)) return;
  FindNextFunctions(&next_);
  OpenExits(next_.foreign_malloc ? next_.free : nullptr, next_.foreign_new);
  mode_.store(next_.foreign_malloc ? Mode::kForeign : Mode::kPassing, std::memory_order_release);
}

void Recorder::Start(char** environment) {
  constexpr uint64_t kDefaultSampleBytes = 512 * 1024;
  Prepare();
  ProtectExits();
  const char* disabled = Lookup(environment, "TIDEMARK_DISABLE");
  if (getauxval(AT_SECURE) != 0 ||
      (disabled != nullptr && disabled[0] != 0 && strcmp(disabled, "0") != 0)) {
    TurnOff(getauxval(AT_SECURE) != 0 ? OffReason::kSecureExecution
                                      : OffReason::kDisabledByEnvironment);
    return;
  }
  sample_bytes_ = ParseBytes(Lookup(environment, "TIDEMARK_SAMPLE_BYTES"), kDefaultSampleBytes);
  const char* mappings = Lookup(environment, "TIDEMARK_MMAP");
  records_mappings_ = mappings != nullptr && strcmp(mappings, "1") == 0;
  records_threads_ = records_mappings_ && WatchThreadEnds();
  const char* folder = Lookup(environment, "TIDEMARK_DIR");
  if (folder != nullptr && folder[0] != 0 && strlen(folder) < sizeof folder_) {
    memcpy(folder_, folder, strlen(folder) + 1);
    has_folder_ = true;
  }
  alive_ = static_cast<volatile uint32_t*>(MapAnonymous(4096, PROT_READ | PROT_WRITE));
  const bool fork_seen =
      alive_ != nullptr &&
      !Failed(Syscall(SYS_madvise, reinterpret_cast<uint64_t>(alive_), 4096, MADV_WIPEONFORK));
  if (alive_ != nullptr) *alive_ = 1;
  const uint64_t foreign_interval = next_.foreign_malloc ? FindForeignSampler() : 0;
  if (foreign_interval != 0) sample_bytes_ = foreign_interval;
  if (!EnsureLedger()) return;
  if (next_.foreign_malloc) return StartForeign(fork_seen, foreign_interval);
  if (!fork_seen || !slab_.Reserve()) return TurnOff(OffReason::kAddressSpace);
  modules_.Refresh(&lock_, &ledger_, &rules_);
  ledger_.SetState(ledger::State::kActive, OffReason::kNone);
  mode_.store(Mode::kActive, std::memory_order_release);
}

// `interval` 0: the other allocator does not tell of its samples.
void Recorder::StartForeign(bool fork_seen, uint64_t interval) {
  if (interval == 0 || !fork_seen) return TurnOff(OffReason::kForeignAllocator);
  modules_.Refresh(&lock_, &ledger_, &rules_);
  ledger_.SetState(ledger::State::kActive, OffReason::kNone);
  foreign_sampler_.store(true, std::memory_order_release);
  if (!HookForeignSampler()) TurnOff(OffReason::kForeignAllocator);
}

// Ends sampling for good. Blocks sampled so far stay valid and their frees are still recorded.
void Recorder::TurnOff(OffReason reason) {
  ledger_.SetState(ledger::State::kOff, reason);
  foreign_sampler_.store(false, std::memory_order_release);
  if (mode_.load(std::memory_order_relaxed) == Mode::kForeign) return;
  mode_.store(Mode::kOff, std::memory_order_release);
}

void Recorder::Exit() {
  if (alive_ != nullptr && *alive_ == 1) ledger_.Exit();
}

// Makes this process's ledger when it has none. False: the recorder is off now.
bool Recorder::EnsureLedger() {
  if (ledger_.open()) return true;
  const OffReason reason =
      ledger_.Create({.folder = has_folder_ ? folder_ : nullptr,
                      .sample_bytes = sample_bytes_,
                      .interval_shift = interval_shift_.load(std::memory_order_relaxed),
                      .forked = forked_});
  if (reason == OffReason::kNone) {
    if (forked_) {
      modules_.Republish(&ledger_);
      ledger_.DropInherited();
      ledger_.SetState(ledger::State::kActive, OffReason::kNone);
    }
    return true;
  }
  TurnOff(reason);
  return false;
}

// In a forked child, the first time it comes here: lets go of the parent's ledger. Under the lock.
void Recorder::EnterForkedChild() {
  if (*alive_ == 1) return;
  *alive_ = 1;
  forked_ = true;
  loader_usable_ = loader_usable_ && fork_alone_;
  ledger_.Forget();
  regions_.Clear();
  threads_.Clear();
  foreign_blocks_.Clear();
  thread_state.random.state ^= Seed();
}

void Recorder::WatchForks() {
  if (!samples()) return;
  pthread_atfork([] { recorder.BeforeFork(); }, [] { recorder.AfterFork(false); },
                 [] { recorder.AfterFork(true); });
}

// Holding the lock over fork gives the child whole tables. Where other threads exist, one of them
// may hold the loader's lock just then, and the child's copy of it would never be released: glibc
// does not reset it.
void Recorder::BeforeFork() {
  if (!samples() || thread_state.busy) return;
  const bool quiet = modules_.Forbid();
  fork_locked_ = Enter();
  fork_alone_ =
      quiet && fork_locked_ && &__libc_single_threaded != nullptr && __libc_single_threaded;
  fork_quiet_ = quiet;
}

void Recorder::AfterFork(bool in_child) {
  if (fork_quiet_) {
    fork_quiet_ = false;
    modules_.Allow();
  }
  if (!in_child) fork_alone_ = false;
  if (!thread_state.busy || !fork_locked_) return;
  fork_locked_ = false;
  Leave();
}

}  // namespace tidemark::recorder
