// Signals that a loop waits for rather than being interrupted by.
#pragma once

#include <signal.h>
#include <time.h>

#include <cstdint>
#include <initializer_list>

#include "base/time.h"

namespace tidemark {

// Blocks the signals in this thread and those it starts, as long as it lives.
class WaitedSignals {
 public:
  explicit WaitedSignals(std::initializer_list<int> signals) {
    sigemptyset(&set_);
    for (const int signal : signals) sigaddset(&set_, signal);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~WaitedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  WaitedSignals(const WaitedSignals&) = delete;
  WaitedSignals& operator=(const WaitedSignals&) = delete;

  // The next signal, 0 when none came in time.
  int Wait(int64_t timeout_ns, siginfo_t* info) {
    const timespec timeout = {timeout_ns / kNsPerSecond, timeout_ns % kNsPerSecond};
    const int signal = sigtimedwait(&set_, info, &timeout);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_, before_;
};

}  // namespace tidemark
