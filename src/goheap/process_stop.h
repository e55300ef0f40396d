// A process held still by ptrace, which neither it nor its parent sees.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <vector>

#include "base/result.h"
#include "goheap/thread_registers.h"

namespace tidemark::goheap {

// That the kernel lets us not trace or read `pid`, and what to do about it.
Error MayNotTrace(pid_t pid);

// Every thread of a process stopped. They go on when it is resumed or destroyed, and also when our
// process dies, since the kernel then detaches (PTRACE_O_EXITKILL is not set). A signal that
// arrives meanwhile is delivered at the resumption; system calls are restarted. Used by one thread
// only: the kernel ties a tracer to its thread.
class StoppedProcess {
 public:
  // Errors: not found (no such process, or it ended), invalid argument (ourselves, a kernel thread,
  // a 32-bit process's machine), unavailable (no permission, traced by another, a thread that does
  // not stop within `patience`): with what to do. Whatever was stopped runs again then.
  static Result<StoppedProcess> Stop(pid_t pid, std::chrono::milliseconds patience);
  StoppedProcess(StoppedProcess&& other) noexcept { std::swap(threads_, other.threads_); }
  StoppedProcess& operator=(StoppedProcess&&) = delete;
  ~StoppedProcess() { Resume(); }

  // Those that could be read.
  std::vector<ThreadRegisters> Registers() const;
  size_t thread_count() const { return threads_.size(); }
  void Resume();

 private:
  struct Thread {
    pid_t id = 0;
    bool stopped = false;
    int pending_signal = 0;  // to be delivered at the resumption
  };
  using Deadline = std::chrono::steady_clock::time_point;

  StoppedProcess() = default;
  Result<bool> SeizeNew(pid_t pid);  // whether there was a thread we did not hold yet
  Result<void> WaitForAll(Deadline deadline);

  std::vector<Thread> threads_;
};

}  // namespace tidemark::goheap
