// A program that brings its own malloc: the recorder must stay out of its way. Every block has a
// mark before it; freeing one without the mark, as a recorder that went to glibc would cause, ends
// the program with 7.
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

namespace {
alignas(64) char arena[64 << 20];
size_t used;
constexpr uint64_t kMark = 0x1d2c3b4a5f6e7d8c;
}  // namespace

extern "C" {
[[gnu::noinline]] void* malloc(size_t size) {
  const size_t bytes = (size + 31) / 16 * 16;
  if (bytes > sizeof arena - used) {
    errno = ENOMEM;
    return nullptr;
  }
  char* block = arena + used;
  used += bytes;
  memcpy(block, &kMark, sizeof kMark);
  memcpy(block + 8, &size, sizeof size);
  return block + 16;
}
[[gnu::noinline]] void free(void* pointer) {
  uint64_t mark = kMark;
  if (pointer != nullptr) memcpy(&mark, static_cast<char*>(pointer) - 16, sizeof mark);
  if (mark != kMark) _exit(7);
}
void* calloc(size_t count, size_t size) {
  void* block = malloc(count * size);
  if (block != nullptr) memset(block, 0, count * size);
  return block;
}
void* realloc(void* pointer, size_t size) {
  size_t old = 0;
  if (pointer != nullptr) memcpy(&old, static_cast<char*>(pointer) - 8, sizeof old);
  void* block = malloc(size);
  if (block != nullptr && pointer != nullptr) memcpy(block, pointer, old < size ? old : size);
  return block;
}
}

int main() {
  // From libc, through whatever stands first in the loader's order.
  for (int i = 0; i < 100; ++i) {
    char* text = strdup("text");
    char* line = nullptr;
    FILE* file = fmemopen(nullptr, 100'000, "w+");
    if (file == nullptr || text == nullptr) return 3;
    fclose(file);
    free(line);
    free(text);
  }
  puts("fine");
  return 0;
}
