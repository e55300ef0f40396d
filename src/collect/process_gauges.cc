#include "collect/process_gauges.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

namespace tidemark {
namespace {

std::string FirstLineOf(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::optional<int64_t> Number(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() || value < 0) return std::nullopt;
  return value;
}

// The path of the process in the unified hierarchy: the line "0::/path".
std::optional<std::string> CgroupOf(uint64_t pid, const std::string& root) {
  std::ifstream in(root + "/proc/" + std::to_string(pid) + "/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("0::/", 0) == 0) return line.substr(3);
  }
  return std::nullopt;
}

}  // namespace

std::optional<int64_t> ResidentBytes(uint64_t pid) {
  const std::string line = FirstLineOf("/proc/" + std::to_string(pid) + "/statm");
  const size_t space = line.find(' ');
  if (space == std::string::npos) return std::nullopt;
  const auto pages = Number(line.substr(space + 1));
  if (!pages) return std::nullopt;
  return *pages * sysconf(_SC_PAGESIZE);
}

std::optional<int64_t> MemoryLimitBytes(uint64_t pid, const std::string& root) {
  auto path = CgroupOf(pid, root);
  if (!path) return std::nullopt;
  std::optional<int64_t> least;
  for (std::string at = *path;;) {
    const auto limit = Number(FirstLineOf(root + "/sys/fs/cgroup" + at + "/memory.max"));
    if (limit) least = least ? std::min(*least, *limit) : *limit;
    const size_t slash = at.rfind('/');
    if (at.empty() || slash == std::string::npos) return least;
    at.resize(slash);
  }
}

}  // namespace tidemark
