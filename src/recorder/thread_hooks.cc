// pthread_create and its kin. With TIDEMARK_MMAP=1 the stacks of threads are recorded; else each
// call goes straight on. pthread_join is a cancellation point: nothing is held across it, and a
// thread whose join was cancelled stays on record, as it stays to be joined.
#include <errno.h>

#include "recorder/hooks.h"
#include "recorder/thread_state.h"

namespace tidemark::recorder {
namespace {

constinit pthread_key_t end_key{};

// Runs as the thread ends, be it by return, pthread_exit or cancellation.
void OnThreadEnd(void* ticket) {
  recorder.threads().Ended(Address(ticket));
  recorder.SweepThreads();
}

// What a recorded thread starts with. The last call leaves no frame of ours on its stack.
void* ThreadMain(void* argument) {
  const uint64_t ticket = Address(argument);
  const ThreadStacks::Start start =
      recorder.threads().Begin(ticket, ThreadPointer());  // glibc's pthread_t
  NextThreadFunctions().setspecific(end_key, argument);
  return start.routine(start.argument);
}

// Bytes of the stack that libc will map for a thread with these attributes; 0 when the program
// brings its own, which was recorded as what it is, or they cannot be read.
size_t StackBytes(const pthread_attr_t* attributes) {
  const ThreadFunctions& next = NextThreadFunctions();
  size_t bytes = 0;
  if (attributes == nullptr) {
    pthread_attr_t standard;
    if (next.getattr_default(&standard) != 0) return 0;
    if (next.attr_getstacksize(&standard, &bytes) != 0) bytes = 0;
    next.attr_destroy(&standard);
    return bytes;
  }
  void* low = nullptr;
  // glibc keeps the stack's upper end, null by default, and answers that less the size.
  if (next.attr_getstack(attributes, &low, &bytes) != 0 || Address(low) + bytes != 0) return 0;
  return next.attr_getstacksize(attributes, &bytes) == 0 ? bytes : 0;
}

uint64_t RecordThread(const pthread_attr_t* attributes, const ThreadStacks::Start& start,
                      const FrameState& caller) {
  const size_t bytes = StackBytes(attributes);
  if (bytes == 0) return ThreadStacks::kNoTicket;
  int state = PTHREAD_CREATE_JOINABLE;
  if (attributes != nullptr) NextThreadFunctions().attr_getdetachstate(attributes, &state);
  return recorder.RecordThread(start, bytes, state == PTHREAD_CREATE_DETACHED, caller);
}

int Joined(int result, pthread_t thread) {
  if (result != 0 || !recorder.records_threads()) return result;
  recorder.threads().Joined(thread);
  recorder.SweepThreads();
  return result;
}

}  // namespace

bool WatchThreadEnds() {
  const ThreadFunctions& next = NextThreadFunctions();
  return next.create != nullptr && next.join != nullptr && next.detach != nullptr &&
         next.getattr_default != nullptr && next.attr_destroy != nullptr &&
         next.attr_getstack != nullptr && next.attr_getstacksize != nullptr &&
         next.attr_getdetachstate != nullptr && next.setspecific != nullptr &&
         next.key_create != nullptr && next.key_create(&end_key, &OnThreadEnd) == 0;
}

}  // namespace tidemark::recorder

using namespace tidemark::recorder;  // NOLINT: the hooks below have C's names

TIDEMARK_HOOK int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                                 void* (*routine)(void*), void* argument) noexcept {
  const ThreadFunctions& next = NextThreadFunctions();
  if (next.create == nullptr) return EAGAIN;
  const uint64_t ticket =
      recorder.records_threads()
          ? RecordThread(attributes, {.routine = routine, .argument = argument}, TIDEMARK_CALLER)
          : ThreadStacks::kNoTicket;
  if (ticket == ThreadStacks::kNoTicket) return next.create(thread, attributes, routine, argument);
  const int result = next.create(thread, attributes, &ThreadMain, reinterpret_cast<void*>(ticket));
  if (result == 0) {
    recorder.threads().Name(ticket, *thread);
    recorder.threads().Made(ticket);
  } else {
    recorder.threads().Failed(ticket);
  }
  recorder.SweepThreads();
  return result;
}

TIDEMARK_HOOK int pthread_join(pthread_t thread, void** value) {
  const auto next = NextThreadFunctions().join;
  return next == nullptr ? ENOSYS : Joined(next(thread, value), thread);
}

TIDEMARK_HOOK int pthread_tryjoin_np(pthread_t thread, void** value) noexcept {
  const auto next = NextThreadFunctions().tryjoin;
  return next == nullptr ? ENOSYS : Joined(next(thread, value), thread);
}

TIDEMARK_HOOK int pthread_timedjoin_np(pthread_t thread, void** value, const timespec* until) {
  const auto next = NextThreadFunctions().timedjoin;
  return next == nullptr ? ENOSYS : Joined(next(thread, value, until), thread);
}

TIDEMARK_HOOK int pthread_clockjoin_np(pthread_t thread, void** value, clockid_t clock,
                                       const timespec* until) {
  const auto next = NextThreadFunctions().clockjoin;
  return next == nullptr ? ENOSYS : Joined(next(thread, value, clock, until), thread);
}

// Marked first: afterwards the thread may be gone and its pthread_t another's.
TIDEMARK_HOOK int pthread_detach(pthread_t thread) noexcept {
  const auto next = NextThreadFunctions().detach;
  if (next == nullptr) return ENOSYS;
  if (recorder.records_threads()) recorder.threads().Detached(thread);
  const int result = next(thread);
  recorder.SweepThreads();
  return result;
}
