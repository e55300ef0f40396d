// A program that replaces operator new and plain delete only, with a header before each block:
// sized delete must still end in its own.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <new>
#include <string>
#include <vector>

namespace {
constexpr uint64_t kMark = 0x1d2c3b4a5f6e7d8c;
}

void* operator new(size_t size) {
  auto* block = static_cast<uint64_t*>(malloc(size + 16));
  if (block == nullptr) throw std::bad_alloc();
  block[0] = kMark;
  return block + 2;
}
void operator delete(void* pointer) noexcept {
  if (pointer == nullptr) return;
  auto* block = static_cast<uint64_t*>(pointer) - 2;
  if (block[0] != kMark) _exit(7);
  free(block);
}
void operator delete(void* pointer, size_t) noexcept { operator delete(pointer); }

int main() {
  std::vector<std::string> texts;
  for (int i = 0; i < 20'000; ++i) texts.push_back(std::string(100, 'x'));
  delete[] new int[1000];
  delete[] new std::string[10];
  puts("fine");
  return 0;
}
