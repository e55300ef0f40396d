// To preload: an allocator that samples its blocks and tells them by the same mallctl as jemalloc
// 5.3.1 does (experimental.hooks.prof_sample): a mean of 4,096 usable bytes between two samples,
// the stack with the allocator's own frames first, a realloc in place told as the new block and
// then the end of the old. glibc gives the memory.
#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include <atomic>

extern "C" {
void* __libc_malloc(size_t size);
void* __libc_realloc(void* pointer, size_t size);
void* __libc_calloc(size_t count, size_t size);
void __libc_free(void* pointer);
}

namespace {

constexpr size_t kLogInterval = 12;
constexpr size_t kSampled = 1 << 18;  // open addressing
char gone;
void* const kGone = &gone;

void (*on_sample)(const void*, size_t, void**, unsigned, size_t);
void (*on_free)(const void*, size_t);
std::atomic_flag held = ATOMIC_FLAG_INIT;
void* sampled[kSampled];
uint64_t random_state = 42;
thread_local bool inside __attribute__((tls_model("initial-exec")));

struct Lock {
  Lock() {
    while (held.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~Lock() { held.clear(std::memory_order_release); }
};

size_t Home(const void* block) {
  return reinterpret_cast<uintptr_t>(block) / 16 * 2654435761 % kSampled;
}

bool Draw(size_t bytes) {
  const Lock lock;
  random_state = random_state * 6364136223846793005 + 1442695040888963407;
  const double unit = static_cast<double>(random_state >> 11) * 0x1p-53;
  return unit < 1 - exp(-static_cast<double>(bytes) / (1 << kLogInterval));
}

void Keep(void* block) {
  const Lock lock;
  size_t at = Home(block);
  while (sampled[at] != nullptr && sampled[at] != kGone) at = (at + 1) % kSampled;
  sampled[at] = block;
}

bool Forget(const void* block) {
  const Lock lock;
  for (size_t at = Home(block); sampled[at] != nullptr; at = (at + 1) % kSampled) {
    if (sampled[at] != block) continue;
    sampled[at] = kGone;
    return true;
  }
  return false;
}

[[gnu::noinline]] void* MayTell(void* block, size_t size) {
  if (block == nullptr || inside || on_sample == nullptr) return block;
  inside = true;
  const size_t usable = malloc_usable_size(block);
  if (Draw(usable)) {
    void* frames[64];
    const int depth = backtrace(frames, 64);
    Keep(block);
    on_sample(block, size, frames, static_cast<unsigned>(depth), usable);
  }
  inside = false;
  return block;
}

void TellEnd(void* block) {
  if (block != nullptr && !inside && on_free != nullptr && Forget(block))
    on_free(block, malloc_usable_size(block));
}

int Answer(const void* value, size_t bytes, void* old, size_t* old_bytes) {
  if (old == nullptr) return 0;
  if (*old_bytes != bytes) return EINVAL;
  memcpy(old, value, bytes);
  return 0;
}

}  // namespace

extern "C" {

void* malloc(size_t size) { return MayTell(__libc_malloc(size), size); }
void* calloc(size_t count, size_t size) {
  return MayTell(__libc_calloc(count, size), count * size);
}
void free(void* pointer) {
  TellEnd(pointer);
  __libc_free(pointer);
}
void* realloc(void* pointer, size_t size) {
  if (pointer == nullptr) return malloc(size);
  const bool known = on_free != nullptr && !inside && Forget(pointer);
  const size_t old_bytes = malloc_usable_size(pointer);
  // A block that moves may have its old place given to another at once: its end comes first.
  void* block = malloc_usable_size(pointer) >= size && size != 0 ? pointer : nullptr;
  if (block != nullptr) {
    MayTell(block, size);
    if (known) on_free(pointer, old_bytes);
    return block;
  }
  if (known) on_free(pointer, old_bytes);
  return MayTell(__libc_realloc(pointer, size), size);
}

int mallctl(const char* name, void* old, size_t* old_bytes, void* value, size_t bytes) {
  const bool on = true;
  const size_t log = kLogInterval;
  if (strcmp(name, "opt.prof") == 0) return Answer(&on, sizeof on, old, old_bytes);
  if (strcmp(name, "prof.lg_sample") == 0) return Answer(&log, sizeof log, old, old_bytes);
  const bool of_samples = strcmp(name, "experimental.hooks.prof_sample") == 0;
  if (!of_samples && strcmp(name, "experimental.hooks.prof_sample_free") != 0) return ENOENT;
  void* hook = of_samples ? reinterpret_cast<void*>(on_sample) : reinterpret_cast<void*>(on_free);
  const int result = Answer(&hook, sizeof hook, old, old_bytes);
  if (result != 0 || value == nullptr) return result;
  if (bytes != sizeof hook) return EINVAL;
  void* frames[1];
  inside = true;
  backtrace(frames, 1);  // loads what it needs, which allocates
  inside = false;
  memcpy(of_samples ? static_cast<void*>(&on_sample) : static_cast<void*>(&on_free), value, bytes);
  return 0;
}
}
