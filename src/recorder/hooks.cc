// glibc's allocation entry points. Each fast path tail-calls glibc's own function, so that the slow
// function stands in its place and sees the caller's frame.
#include "recorder/hooks.h"

#include <errno.h>

namespace tidemark::recorder {
namespace {

[[gnu::noinline]] void* SlowMalloc(size_t size) {
  recorder.Prepare();
  void* block = recorder.TrySample(size, 0, false, Before(size), TIDEMARK_CALLER);
  if (block != nullptr) return block;
  return recorder.next().malloc != nullptr ? recorder.next().malloc(size) : __libc_malloc(size);
}

[[gnu::noinline]] void* SlowCalloc(size_t count, size_t size) {
  recorder.Prepare();
  const size_t bytes = count * size;  // the fast path has checked it
  void* block = recorder.TrySample(bytes, 0, true, Before(bytes), TIDEMARK_CALLER);
  if (block != nullptr) return block;
  return recorder.next().calloc != nullptr ? recorder.next().calloc(count, size)
                                           : __libc_calloc(count, size);
}

// For all that align. `foreign` is the same function of an allocator the program brings, used when
// it does.
using AlignFunction = void* (*)(size_t, size_t);
[[gnu::noinline]] void* SlowAlign(size_t alignment, size_t size,
                                  AlignFunction NextFunctions::*foreign) {
  recorder.Prepare();
  const AlignFunction function = recorder.next().*foreign;
  if (recorder.foreign_malloc() && function != nullptr) {
    Uncount(Before(size));
    return function(alignment, size);
  }
  const bool possible = alignment != 0 && (alignment & (alignment - 1)) == 0;
  if (!possible) {
    Uncount(Before(size));
    return __libc_memalign(alignment, size);
  }
  void* block = recorder.TrySample(size, alignment, false, Before(size), TIDEMARK_CALLER);
  return block != nullptr ? block : __libc_memalign(alignment, size);
}

[[gnu::noinline]] void* SlowValloc(size_t size, size_t bytes,
                                   void* (*NextFunctions::*foreign)(size_t)) {
  recorder.Prepare();
  if (recorder.foreign_malloc() && recorder.next().*foreign != nullptr) {
    Uncount(Before(bytes));
    return (recorder.next().*foreign)(size);
  }
  void* block = recorder.TrySample(bytes, kPageBytes, false, Before(bytes), TIDEMARK_CALLER);
  return block != nullptr ? block : __libc_memalign(kPageBytes, bytes);
}

void* NextRealloc(void* pointer, size_t size) {
  return recorder.next().realloc != nullptr ? recorder.next().realloc(pointer, size)
                                            : __libc_realloc(pointer, size);
}

// A block that is not sampled: when it now is, it moves into the sampled range. A failed move
// leaves the old block alone. `before` is the countdown without this allocation.
void* ReallocOther(void* pointer, size_t size, uint64_t before, const FrameState& caller) {
  const NextFunctions& next = recorder.next();
  if (size == 0 || next.malloc_usable_size == nullptr || recorder.foreign_malloc()) {
    Uncount(before);
    return NextRealloc(pointer, size);
  }
  void* block = pointer == nullptr ? recorder.TrySample(size, 0, false, before, caller)
                                   : recorder.TrySampleGrown(size, before, caller);
  if (block == nullptr) return NextRealloc(pointer, size);
  if (pointer == nullptr) return block;
  const size_t old_bytes = next.malloc_usable_size(pointer);
  __builtin_memcpy(block, pointer, old_bytes < size ? old_bytes : size);
  next.free(pointer);
  return block;
}

[[gnu::noinline]] void* SlowReallocOther(void* pointer, size_t size) {
  recorder.Prepare();
  return ReallocOther(pointer, size, Before(size), TIDEMARK_CALLER);
}

[[gnu::noinline]] void* SlowRealloc(void* pointer, size_t size) {
  recorder.Prepare();
  if (!recorder.Owns(pointer))
    return ReallocOther(pointer, size, tidemark_countdown, TIDEMARK_CALLER);
  if (size == 0) {
    recorder.Free(pointer);
    return nullptr;
  }
  void* block = recorder.Reallocate(pointer, size, tidemark_countdown, TIDEMARK_CALLER);
  if (block == nullptr) errno = ENOMEM;
  return block;
}

}  // namespace

[[gnu::noinline]] void SlowFree(void* pointer) {
  recorder.Prepare();
  if (recorder.Owns(pointer)) return recorder.Free(pointer);
  if (recorder.next().free != nullptr) return recorder.next().free(pointer);
  __libc_free(pointer);
}

[[gnu::constructor(101)]] void OnLoad(int, char**, char** environment);
[[gnu::constructor(101)]] void OnLoad(int, char**, char** environment) {
  recorder.Start(environment);
  recorder.WatchForks();
}

[[gnu::destructor(101)]] void OnExit();
[[gnu::destructor(101)]] void OnExit() { recorder.Exit(); }

}  // namespace tidemark::recorder

using namespace tidemark::recorder;  // NOLINT: the hooks below have C's names

TIDEMARK_HOOK void* malloc(size_t size) {
  if (TIDEMARK_LIKELY(CountedDown(size))) return __libc_malloc(size);
  return SlowMalloc(size);
}

TIDEMARK_HOOK void free(void* pointer) {
  if (TIDEMARK_LIKELY(!MustLookAt(pointer))) return exits.free(pointer);
  SlowFree(pointer);
}
// An allocator before us may lack these: its own free is the right one then.
static void FreeByName(void* pointer) {
  recorder.foreign_malloc() ? recorder.next().first_free(pointer) : free(pointer);
}
TIDEMARK_HOOK void cfree(void* pointer);
TIDEMARK_HOOK void cfree(void* pointer) { FreeByName(pointer); }
TIDEMARK_HOOK void free_sized(void* pointer, size_t size);
TIDEMARK_HOOK void free_sized(void* pointer, size_t) { FreeByName(pointer); }
TIDEMARK_HOOK void free_aligned_sized(void* pointer, size_t alignment, size_t size);
TIDEMARK_HOOK void free_aligned_sized(void* pointer, size_t, size_t) { FreeByName(pointer); }

TIDEMARK_HOOK void* calloc(size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  if (TIDEMARK_LIKELY(CountedDown(bytes))) return __libc_calloc(count, size);
  return SlowCalloc(count, size);
}

TIDEMARK_HOOK void* realloc(void* pointer, size_t size) {
  if (TIDEMARK_LIKELY(!MustLookAt(pointer))) {
    if (TIDEMARK_LIKELY(CountedDown(size))) return __libc_realloc(pointer, size);
    return SlowReallocOther(pointer, size);
  }
  return SlowRealloc(pointer, size);
}

TIDEMARK_HOOK void* reallocarray(void* pointer, size_t count, size_t size) {
  size_t bytes;
  if (__builtin_mul_overflow(count, size, &bytes)) {
    errno = ENOMEM;
    return nullptr;
  }
  return recorder.foreign_malloc() ? recorder.next().first_realloc(pointer, bytes)
                                   : realloc(pointer, bytes);
}

TIDEMARK_HOOK void* memalign(size_t alignment, size_t size) {
  if (TIDEMARK_LIKELY(CountedDown(size))) return __libc_memalign(alignment, size);
  return SlowAlign(alignment, size, &NextFunctions::memalign);
}

TIDEMARK_HOOK void* aligned_alloc(size_t alignment, size_t size) {
  if (TIDEMARK_LIKELY(CountedDown(size))) return __libc_memalign(alignment, size);
  return SlowAlign(alignment, size, &NextFunctions::aligned_alloc);
}

TIDEMARK_HOOK int posix_memalign(void** out, size_t alignment, size_t size) {
  if (alignment % sizeof(void*) != 0 || alignment == 0 || (alignment & (alignment - 1)) != 0)
    return EINVAL;
  const int saved_errno = errno;
  void* block = nullptr;
  if (TIDEMARK_LIKELY(CountedDown(size))) {
    block = __libc_memalign(alignment, size);
  } else {
    recorder.Prepare();
    if (recorder.foreign_malloc() && recorder.next().posix_memalign != nullptr) {
      Uncount(Before(size));
      return recorder.next().posix_memalign(out, alignment, size);
    }
    block = recorder.TrySample(size, alignment, false, Before(size), TIDEMARK_CALLER);
    if (block == nullptr) block = __libc_memalign(alignment, size);
  }
  errno = saved_errno;
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

TIDEMARK_HOOK void* valloc(size_t size) {
  if (TIDEMARK_LIKELY(CountedDown(size))) return __libc_valloc(size);
  return SlowValloc(size, size, &NextFunctions::valloc);
}

TIDEMARK_HOOK void* pvalloc(size_t size) {
  if (size > ~size_t{0} - kPageBytes) return __libc_pvalloc(size);
  const size_t bytes = (size + kPageBytes - 1) & ~(kPageBytes - 1);
  if (TIDEMARK_LIKELY(CountedDown(bytes))) return __libc_pvalloc(size);
  return SlowValloc(size, bytes, &NextFunctions::pvalloc);
}

TIDEMARK_HOOK size_t malloc_usable_size(void* pointer) {
  if (pointer == nullptr) return 0;
  recorder.Prepare();
  if (recorder.Owns(pointer)) return recorder.UsableBytes(pointer);
  return recorder.next().malloc_usable_size != nullptr ? recorder.next().malloc_usable_size(pointer)
                                                       : 0;
}
