// System calls without libc: they leave errno alone (a successful malloc must not change it), are
// never interposed and need no initialised libc. x86-64 Linux. Failure is a value in [-4095, -1].
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

namespace tidemark::recorder {

inline long Syscall(long number, uint64_t a = 0, uint64_t b = 0, uint64_t c = 0, uint64_t d = 0,
                    uint64_t e = 0, uint64_t f = 0) {
  long result;
  register uint64_t r10 asm("r10") = d;
  register uint64_t r8 asm("r8") = e;
  register uint64_t r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

inline bool Failed(long result) { return result < 0 && result >= -4095; }

inline uint64_t Address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

inline void* MapAnonymous(size_t bytes, int protection, int more_flags = 0) {
  constexpr int kPrivateAnonymousNoReserve = 0x02 | 0x20 | 0x4000;
  const long at = Syscall(SYS_mmap, 0, bytes, static_cast<uint64_t>(protection),
                          static_cast<uint64_t>(kPrivateAnonymousNoReserve | more_flags),
                          static_cast<uint64_t>(-1), 0);
  return Failed(at) ? nullptr : reinterpret_cast<void*>(at);
}

// struct timespec of the kernel.
struct Timespec {
  int64_t seconds;
  int64_t nanoseconds;
};

inline uint64_t ClockNs(int clock) {
  Timespec now{};
  Syscall(SYS_clock_gettime, static_cast<uint64_t>(clock), Address(&now));
  return static_cast<uint64_t>(now.seconds) * 1'000'000'000 +
         static_cast<uint64_t>(now.nanoseconds);
}

// True when the 8 bytes at `address` (8-aligned) can be read. rt_sigprocmask with an impossible
// `how` reads its set before it refuses `how`: EFAULT or EINVAL tells, and nothing changes.
inline bool Readable(uint64_t address) {
  constexpr long kFault = -14;
  if (address < 4096) return false;  // null would mean "no set" to the kernel
  return Syscall(SYS_rt_sigprocmask, static_cast<uint64_t>(-1), address, 0, 8) != kFault;
}

}  // namespace tidemark::recorder
