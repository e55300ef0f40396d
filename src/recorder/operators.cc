// operator new and delete, every form, under their mangled names. A failed allocation is handed to
// the next definition (the C++ library's), which knows the new-handler and throws; so is everything
// when the program replaces operator new itself.
#include <sys/mman.h>

#include "recorder/hooks.h"
#include "recorder/sys.h"

namespace tidemark::recorder {
namespace {

// The next definition of one operator, looked up once. Plain words: constant-initialised, and a
// race stores the same value twice.
template <typename Function>
Function* Next(Function** cached, const char* name) {
  Function* function = __atomic_load_n(cached, __ATOMIC_RELAXED);
  if (function == nullptr) {
    function = reinterpret_cast<Function*>(FindNext(name));
    __atomic_store_n(cached, function, __ATOMIC_RELAXED);
  }
  return function;
}

// `size` 0 asks for a block of its own all the same.
void* NewBlock(size_t size, size_t alignment, const FrameState& caller) {
  void* block = recorder.TrySample(size, alignment, false, Before(size), caller);
  if (block != nullptr) return block;
  if (alignment == 0)
    return recorder.next().malloc != nullptr ? recorder.next().malloc(size) : __libc_malloc(size);
  return recorder.foreign_malloc() && recorder.next().memalign != nullptr
             ? recorder.next().memalign(alignment, size)
             : __libc_memalign(alignment, size);
}

}  // namespace
}  // namespace tidemark::recorder

using namespace tidemark::recorder;  // NOLINT: the hooks below have mangled names

// operator new NAME(size_t MORE_PARAMETERS) with MORE_ARGUMENTS to pass on; ALIGNMENT 0 is
// malloc's; FAST makes an unsampled block.
#define TIDEMARK_NEW(NAME, MORE_PARAMETERS, MORE_ARGUMENTS, ALIGNMENT, FAST)         \
  static void* (*next_##NAME)(size_t MORE_PARAMETERS);                               \
  [[gnu::noinline]] static void* Failed##NAME(size_t size MORE_PARAMETERS) {         \
    auto* next = Next(&next_##NAME, #NAME);                                          \
    return next == nullptr ? nullptr : next(size MORE_ARGUMENTS);                    \
  }                                                                                  \
  [[gnu::noinline]] static void* Slow##NAME(size_t size MORE_PARAMETERS) {           \
    recorder.Prepare();                                                              \
    if (recorder.foreign_new()) {                                                    \
      Uncount(Before(size));                                                         \
      return Failed##NAME(size MORE_ARGUMENTS);                                      \
    }                                                                                \
    void* block = NewBlock(size, ALIGNMENT, TIDEMARK_CALLER);                        \
    return block != nullptr ? block : Failed##NAME(size MORE_ARGUMENTS);             \
  }                                                                                  \
  TIDEMARK_HOOK void* NAME(size_t size MORE_PARAMETERS);                             \
  TIDEMARK_HOOK void* NAME(size_t size MORE_PARAMETERS) {                            \
    if (!TIDEMARK_LIKELY(CountedDown(size))) return Slow##NAME(size MORE_ARGUMENTS); \
    void* block = FAST;                                                              \
    if (TIDEMARK_LIKELY(block != nullptr)) return block;                             \
    return Failed##NAME(size MORE_ARGUMENTS);                                        \
  }

#define TIDEMARK_COMMA ,
#define TIDEMARK_NOTHROW_PARAMETER TIDEMARK_COMMA const void* nothrow
#define TIDEMARK_NOTHROW_ARGUMENT TIDEMARK_COMMA nothrow
#define TIDEMARK_ALIGN_PARAMETER TIDEMARK_COMMA size_t alignment
#define TIDEMARK_ALIGN_ARGUMENT TIDEMARK_COMMA alignment

TIDEMARK_NEW(_Znwm, , , 0, __libc_malloc(size))
TIDEMARK_NEW(_Znam, , , 0, __libc_malloc(size))
TIDEMARK_NEW(_ZnwmRKSt9nothrow_t, TIDEMARK_NOTHROW_PARAMETER, TIDEMARK_NOTHROW_ARGUMENT, 0,
             __libc_malloc(size))
TIDEMARK_NEW(_ZnamRKSt9nothrow_t, TIDEMARK_NOTHROW_PARAMETER, TIDEMARK_NOTHROW_ARGUMENT, 0,
             __libc_malloc(size))
TIDEMARK_NEW(_ZnwmSt11align_val_t, TIDEMARK_ALIGN_PARAMETER, TIDEMARK_ALIGN_ARGUMENT, alignment,
             __libc_memalign(alignment, size))
TIDEMARK_NEW(_ZnamSt11align_val_t, TIDEMARK_ALIGN_PARAMETER, TIDEMARK_ALIGN_ARGUMENT, alignment,
             __libc_memalign(alignment, size))
TIDEMARK_NEW(_ZnwmSt11align_val_tRKSt9nothrow_t,
             TIDEMARK_ALIGN_PARAMETER TIDEMARK_NOTHROW_PARAMETER,
             TIDEMARK_ALIGN_ARGUMENT TIDEMARK_NOTHROW_ARGUMENT, alignment,
             __libc_memalign(alignment, size))
TIDEMARK_NEW(_ZnamSt11align_val_tRKSt9nothrow_t,
             TIDEMARK_ALIGN_PARAMETER TIDEMARK_NOTHROW_PARAMETER,
             TIDEMARK_ALIGN_ARGUMENT TIDEMARK_NOTHROW_ARGUMENT, alignment,
             __libc_memalign(alignment, size))

// operator delete NAME(void* MORE_PARAMETERS).
#define TIDEMARK_DELETE(NAME, MORE_PARAMETERS, MORE_ARGUMENTS)                                \
  static void (*next_##NAME)(void* MORE_PARAMETERS);                                          \
  [[gnu::noinline]] static void Slow##NAME(void* pointer MORE_PARAMETERS) {                   \
    recorder.Prepare();                                                                       \
    auto* next = recorder.foreign_new() ? Next(&next_##NAME, #NAME) : nullptr;                \
    if (next != nullptr) return next(pointer MORE_ARGUMENTS);                                 \
    SlowFree(pointer);                                                                        \
  }                                                                                           \
  TIDEMARK_HOOK void NAME(void* pointer MORE_PARAMETERS);                                     \
  TIDEMARK_HOOK void NAME(void* pointer MORE_PARAMETERS) {                                    \
    if (TIDEMARK_LIKELY(!MustLookAt(pointer))) return exits.of##NAME(pointer MORE_ARGUMENTS); \
    Slow##NAME(pointer MORE_ARGUMENTS);                                                       \
  }

#define TIDEMARK_SIZE_PARAMETER TIDEMARK_COMMA size_t size
#define TIDEMARK_SIZE_ARGUMENT TIDEMARK_COMMA size

TIDEMARK_DELETE(_ZdlPv, , )
TIDEMARK_DELETE(_ZdaPv, , )
TIDEMARK_DELETE(_ZdlPvm, TIDEMARK_SIZE_PARAMETER, TIDEMARK_SIZE_ARGUMENT)
TIDEMARK_DELETE(_ZdaPvm, TIDEMARK_SIZE_PARAMETER, TIDEMARK_SIZE_ARGUMENT)
TIDEMARK_DELETE(_ZdlPvRKSt9nothrow_t, TIDEMARK_NOTHROW_PARAMETER, TIDEMARK_NOTHROW_ARGUMENT)
TIDEMARK_DELETE(_ZdaPvRKSt9nothrow_t, TIDEMARK_NOTHROW_PARAMETER, TIDEMARK_NOTHROW_ARGUMENT)
TIDEMARK_DELETE(_ZdlPvSt11align_val_t, TIDEMARK_ALIGN_PARAMETER, TIDEMARK_ALIGN_ARGUMENT)
TIDEMARK_DELETE(_ZdaPvSt11align_val_t, TIDEMARK_ALIGN_PARAMETER, TIDEMARK_ALIGN_ARGUMENT)
TIDEMARK_DELETE(_ZdlPvmSt11align_val_t, TIDEMARK_SIZE_PARAMETER TIDEMARK_ALIGN_PARAMETER,
                TIDEMARK_SIZE_ARGUMENT TIDEMARK_ALIGN_ARGUMENT)
TIDEMARK_DELETE(_ZdaPvmSt11align_val_t, TIDEMARK_SIZE_PARAMETER TIDEMARK_ALIGN_PARAMETER,
                TIDEMARK_SIZE_ARGUMENT TIDEMARK_ALIGN_ARGUMENT)
TIDEMARK_DELETE(_ZdlPvSt11align_val_tRKSt9nothrow_t,
                TIDEMARK_ALIGN_PARAMETER TIDEMARK_NOTHROW_PARAMETER,
                TIDEMARK_ALIGN_ARGUMENT TIDEMARK_NOTHROW_ARGUMENT)
TIDEMARK_DELETE(_ZdaPvSt11align_val_tRKSt9nothrow_t,
                TIDEMARK_ALIGN_PARAMETER TIDEMARK_NOTHROW_PARAMETER,
                TIDEMARK_ALIGN_ARGUMENT TIDEMARK_NOTHROW_ARGUMENT)

namespace tidemark::recorder {

// The names of the deletes, for what is done with each of them.
#define TIDEMARK_EACH_DELETE(DO)          \
  DO(_ZdaPvSt11align_val_tRKSt9nothrow_t) \
  DO(_ZdlPvSt11align_val_tRKSt9nothrow_t) \
  DO(_ZdaPvmSt11align_val_t)              \
  DO(_ZdlPvmSt11align_val_t)              \
  DO(_ZdaPvSt11align_val_t)               \
  DO(_ZdlPvSt11align_val_t)               \
  DO(_ZdaPvRKSt9nothrow_t)                \
  DO(_ZdlPvRKSt9nothrow_t)                \
  DO(_ZdaPvm)                             \
  DO(_ZdlPvm)                             \
  DO(_ZdaPv)                              \
  DO(_ZdlPv)

#define TIDEMARK_SLOW_EXIT(NAME) .of##NAME = &Slow##NAME,
constinit Exits exits{TIDEMARK_EACH_DELETE(TIDEMARK_SLOW_EXIT).free = &SlowFree};

void OpenExits(void (*next_free)(void*), bool foreign_new) {
  if (next_free == nullptr) next_free = &__libc_free;
  exits.free = next_free;
  if (foreign_new) return;
    // They take what free takes first, and ignore the rest.
#define TIDEMARK_OPEN_EXIT(NAME) \
  exits.of##NAME = reinterpret_cast<decltype(exits.of##NAME)>(reinterpret_cast<void*>(next_free));
  TIDEMARK_EACH_DELETE(TIDEMARK_OPEN_EXIT)
}

void ProtectExits() { Syscall(SYS_mprotect, Address(&exits), kPageBytes, PROT_READ); }

}  // namespace tidemark::recorder
