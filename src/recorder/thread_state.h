// What the recorder keeps for each thread beside its countdown.
#pragma once

#include <stdint.h>
#include <time.h>

#include "recorder/sampler.h"
#include "recorder/sys.h"
#include "recorder/unwinder.h"

namespace tidemark::recorder {

// The rest of a thread's state, looked at only when the countdown runs out. Zero at thread start.
struct ThreadState {
  uint64_t remaining;  // bytes to the next sample; the countdown is this, or 0 when every
                       // allocation must look closer
  Random random;
  StackBounds stack;
  uint64_t in_place;   // a foreign block that was recorded anew: the end of the old one is to come
  uint32_t gap_shift;  // interval the gap was drawn with
  bool ready;
  bool busy;
};

[[gnu::visibility("hidden")]] extern constinit thread_local ThreadState thread_state;

inline uint64_t ThreadPointer() {
  uint64_t pointer;
  asm("movq %%fs:0, %0" : "=r"(pointer));
  return pointer;
}

inline uint64_t Seed() {
  uint64_t seed = 0;
  constexpr uint64_t kNonBlocking = 1;
  Syscall(SYS_getrandom, Address(&seed), sizeof seed, kNonBlocking);
  return seed ^ ClockNs(CLOCK_MONOTONIC) ^ ThreadPointer();
}

}  // namespace tidemark::recorder
