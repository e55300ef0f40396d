// What the entry points share. Fast path: 3 instructions for the countdown or for the test of a
// freed pointer, and a tail call (docs/decisions/0011-interposition.md has the figures).
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "recorder/recorder.h"

#define TIDEMARK_HOOK extern "C" [[gnu::visibility("default")]]
#define TIDEMARK_LIKELY(x) __builtin_expect(!!(x), 1)

extern "C" {
void* __libc_malloc(size_t size);                      // NOLINT: glibc's names
void __libc_free(void* pointer);                       // NOLINT
void* __libc_calloc(size_t count, size_t size);        // NOLINT
void* __libc_realloc(void* pointer, size_t size);      // NOLINT
void* __libc_memalign(size_t alignment, size_t size);  // NOLINT
void* __libc_valloc(size_t size);                      // NOLINT
void* __libc_pvalloc(size_t size);                     // NOLINT
}

namespace tidemark::recorder {

// Subtracts `size` from the thread's countdown. False when it ran out: the caller must look closer.
// `size` may be anything up to 2^64 - 1: the comparison is unsigned.
[[gnu::always_inline]] inline bool CountedDown(size_t size) {
  asm goto(
      "movq tidemark_countdown@gottpoff(%%rip), %%rax\n\t"
      "subq %0, %%fs:(%%rax)\n\t"
      "jbe %l1"
      :
      : "r"(size)
      : "rax", "cc", "memory"
      : exhausted);
  return true;
exhausted:
  return false;
}

// What the countdown was before CountedDown(size) failed.
inline uint64_t Before(size_t size) { return tidemark_countdown + size; }

// Takes a failed CountedDown back: for what is handed on without being sampled.
inline void Uncount(uint64_t before) { tidemark_countdown = before; }

// True for every address in the sampled range, whose bits 43 to 46 have odd parity; false for null
// and for where Linux puts anything else (slab.h). The processor's parity flag is the whole test.
[[gnu::always_inline]] inline bool MustLookAt(const void* pointer) {
  asm goto(
      "movq %0, %%rax\n\t"
      "shrq %1, %%rax\n\t"
      "jnp %l2"
      :
      : "r"(pointer), "i"(Slab::kParityShift)
      : "rax", "cc"
      : odd);
  return false;
odd:
  return true;
}

inline constexpr uint64_t kPageBytes = 4096;

// Where blocks go that are not ours to free: the slow functions until the next allocator is known.
// A page of its own, read-only once filled. One for each form of operator delete (mangled names).
struct alignas(kPageBytes) Exits {
  void (*of_ZdaPvSt11align_val_tRKSt9nothrow_t)(void*, size_t, const void*);
  void (*of_ZdlPvSt11align_val_tRKSt9nothrow_t)(void*, size_t, const void*);
  void (*of_ZdaPvmSt11align_val_t)(void*, size_t, size_t);
  void (*of_ZdlPvmSt11align_val_t)(void*, size_t, size_t);
  void (*of_ZdaPvSt11align_val_t)(void*, size_t);
  void (*of_ZdlPvSt11align_val_t)(void*, size_t);
  void (*of_ZdaPvRKSt9nothrow_t)(void*, const void*);
  void (*of_ZdlPvRKSt9nothrow_t)(void*, const void*);
  void (*of_ZdaPvm)(void*, size_t);
  void (*of_ZdlPvm)(void*, size_t);
  void (*of_ZdaPv)(void*);
  void (*of_ZdlPv)(void*);
  void (*free)(void*);
};
[[gnu::visibility("hidden")]] extern Exits exits;

// The state of the frame that called the function this is used in (whose frame pointer it forces).
#define TIDEMARK_CALLER CallerOf(static_cast<const uint64_t*>(__builtin_frame_address(0)))
[[gnu::always_inline]] inline FrameState CallerOf(const uint64_t* frame) {
  return {.pc = frame[1], .sp = reinterpret_cast<uint64_t>(frame + 2), .bp = frame[0]};
}

// Frees a pointer that MustLookAt. `next` is who else may own it.
void SlowFree(void* pointer);

}  // namespace tidemark::recorder
