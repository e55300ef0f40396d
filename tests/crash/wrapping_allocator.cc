// An allocator that counts and passes on to the next one, as dlsym(RTLD_NEXT) gives it: linked into
// a program, or preloaded before or after the recorder. dlsym itself allocates: a small arena
// serves that.
#include <dlfcn.h>
#include <string.h>

#include <cstddef>

namespace {

alignas(16) char arena[16 << 10];
size_t used;
bool finding;

template <typename Function>
Function* Next(Function** found, const char* name) {
  if (*found == nullptr) {
    finding = true;
    *found = reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
    finding = false;
  }
  return *found;
}

void* FromArena(size_t size) {
  void* block = arena + used;
  used += (size + 15) / 16 * 16;
  return used <= sizeof arena ? block : nullptr;
}
bool InArena(const void* block) { return block >= arena && block < arena + sizeof arena; }

void* (*next_malloc)(size_t);
void* (*next_calloc)(size_t, size_t);
void* (*next_realloc)(void*, size_t);
void (*next_free)(void*);

}  // namespace

extern "C" {
void* malloc(size_t size) { return finding ? FromArena(size) : Next(&next_malloc, "malloc")(size); }
void* calloc(size_t count, size_t size) {
  return finding ? FromArena(count * size) : Next(&next_calloc, "calloc")(count, size);
}
void* realloc(void* block, size_t size) { return Next(&next_realloc, "realloc")(block, size); }
void free(void* block) {
  if (!InArena(block)) Next(&next_free, "free")(block);
}
}
