// What a reader must know of a Go version. The one table of such things.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidemark::goheap {

struct GoVersion {
  int major = 0, minor = 0;  // 0.0: not understood, taken as the newest that is known
  bool known = false;

  // Objects with pointers in slots of 513 to 32,768 bytes begin with the address of their type
  // descriptor (1.22), and pages of smaller ones end with the bitmap of their pointers.
  bool malloc_headers = false;
  // Pages of slots of 16 to 512 bytes end with 128 bytes of marks (1.26 unless switched off, 1.25
  // if switched on).
  bool green_tea = false;
};

// "go1.26.8", "go1.25.12 X:greenteagc", "devel go1.28-abc": as runtime.Version() has it.
GoVersion ParseGoVersion(std::string_view text);

constexpr uint64_t kGoPage = 8192;
constexpr uint64_t kMaxHeaderless = 512;
constexpr uint64_t kMaxSizeClass = 32768;

}  // namespace tidemark::goheap
