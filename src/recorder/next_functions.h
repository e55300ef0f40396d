// What would be called if the recorder were not there: the definitions after ours in the loader's
// order, found in the objects' symbol tables (dlsym allocates). The fast paths call __libc_malloc
// and its kin directly; these serve the slow paths and programs that bring an allocator or operator
// new of their own.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace tidemark::recorder {

struct NextFunctions {
  void* (*malloc)(size_t);
  void (*free)(void*);
  void* (*calloc)(size_t, size_t);
  void* (*realloc)(void*, size_t);
  void* (*memalign)(size_t, size_t);
  void* (*aligned_alloc)(size_t, size_t);
  int (*posix_memalign)(void**, size_t, size_t);
  void* (*valloc)(size_t);
  void* (*pvalloc)(size_t);
  size_t (*malloc_usable_size)(void*);
  void (*first_free)(void*);  // the first definition in the loader's order, ours left out
  void* (*first_realloc)(void*, size_t);

  bool foreign_malloc;  // malloc is not libc's alone, before or after us: nothing is sampled
  bool foreign_new;     // operator new is not the C++ library's, or malloc is foreign: operators go
                        // there, and malloc, where it is libc's, is sampled
};

// Fills `next`. Called once, before the first allocation is answered.
void FindNextFunctions(NextFunctions* next);

// The first definition of `name` in load order, ours left out, and the executable segment it is in.
// Takes the loader's lock.
struct Definition {
  void* at;  // null: there is none
  uint64_t code_start, code_limit;
  bool in_program;  // not in a shared library
};
Definition FindFirst(const char* name);

// The next definition of `name`, in load order, or null. Takes the loader's lock.
void* FindNext(const char* name);

}  // namespace tidemark::recorder
