// A lock that gives up. Nothing in the recorder may wait for ever: a holder may be stopped, or gone
// after a raw clone().
#pragma once

#include <stdint.h>

#include <atomic>

#include "recorder/sys.h"

namespace tidemark::recorder {

class SpinLock {
 public:
  // False when it was not free within some 20 ms (more on a loaded machine).
  bool TryLock() {
    for (int round = 0; round < kRounds; ++round) {
      for (int spin = 0; spin < kSpins; ++spin) {
        if (!held_.load(std::memory_order_relaxed) &&
            !held_.exchange(true, std::memory_order_acquire)) {
          return true;
        }
        __builtin_ia32_pause();
      }
      Syscall(SYS_sched_yield);
    }
    return false;
  }
  void Unlock() { held_.store(false, std::memory_order_release); }

 private:
  static constexpr int kSpins = 64;
  static constexpr int kRounds = 20000;
  std::atomic<bool> held_{false};
};

}  // namespace tidemark::recorder
