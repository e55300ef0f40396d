#include "heapdump/memory_budget.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace tidemark {
namespace {

constexpr uint64_t kLeast = 256ULL << 20;

// MemAvailable, /proc/meminfo, in KiB (proc(5)).
uint64_t Available() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    if (line.starts_with("MemAvailable:"))
      return std::strtoull(line.c_str() + 13, nullptr, 10) << 10;
  }
  return kLeast;
}

// The first number in a file; 0 = none ("max", no such file).
uint64_t NumberIn(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  return std::getline(file, text) ? std::strtoull(text.c_str(), nullptr, 10) : 0;
}

// What the cgroup leaves (v2, as containers see theirs).
uint64_t CgroupLeaves() {
  const uint64_t limit = NumberIn("/sys/fs/cgroup/memory.max");
  const uint64_t used = NumberIn("/sys/fs/cgroup/memory.current");
  if (limit == 0) return ~uint64_t{0};
  return limit > used ? limit - used : 0;
}

}  // namespace

uint64_t DefaultMemoryBytes() {
  return std::max(kLeast, std::min(Available(), CgroupLeaves()) / 4 * 3);
}

}  // namespace tidemark
