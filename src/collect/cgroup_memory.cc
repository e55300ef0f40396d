#include "collect/cgroup_memory.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

namespace tidemark {
namespace {

std::optional<int64_t> Number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data() || value < 0) return std::nullopt;
  return value;
}

// A file of one number; "max" is none.
std::optional<int64_t> NumberIn(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return Number(line);
}

// The numbers of a file of lines "key number".
std::map<std::string, int64_t> NumbersIn(const std::string& path) {
  constexpr size_t kMaxLines = 1024;
  std::map<std::string, int64_t> numbers;
  std::ifstream in(path);
  for (std::string name, value; numbers.size() < kMaxLines && in >> name >> value;) {
    if (const auto number = Number(value)) numbers.emplace(name, *number);
  }
  return numbers;
}

std::optional<int64_t> NumberOf(const std::string& path, const std::string& key) {
  const auto numbers = NumbersIn(path);
  const auto at = numbers.find(key);
  return at == numbers.end() ? std::nullopt : std::optional(at->second);
}

// The number behind "key=" in a line; it is at least 0.
std::optional<double> NumberAfter(const std::string& line, const std::string& key) {
  const size_t at = line.find(" " + key + "=");
  if (at == std::string::npos) return std::nullopt;
  double value = 0;
  const char* begin = line.data() + at + key.size() + 2;
  const auto [end, error] = std::from_chars(begin, line.data() + line.size(), value);
  if (error != std::errc() || !(value >= 0)) return std::nullopt;
  return value;
}

// The path of the process in the unified hierarchy: the line "0::/path".
std::optional<std::string> GroupOf(uint64_t pid, const std::string& root) {
  std::ifstream in(root + "/proc/" + (pid == 0 ? "self" : std::to_string(pid)) + "/cgroup");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("0::/", 0) == 0) return line == "0::/" ? "" : line.substr(3);
  }
  return std::nullopt;
}

// Where the unified hierarchy is mounted: beside version 1 it is in a folder of its own.
std::string Mount(const std::string& root) {
  const std::string base = root + "/sys/fs/cgroup", beside = base + "/unified";
  return access((beside + "/cgroup.procs").c_str(), F_OK) == 0 ? beside : base;
}

}  // namespace

CgroupMemory ReadCgroupMemory(uint64_t pid, const std::string& root) {
  CgroupMemory memory;
  const auto group = GroupOf(pid, root);
  if (!group) return memory;
  const std::string mount = Mount(root), own = mount + *group;
  memory.directory = own;
  memory.current_bytes = NumberIn(own + "/memory.current");
  memory.high_bytes = NumberIn(own + "/memory.high");
  memory.events = NumbersIn(own + "/memory.events");
  memory.some_stall = ReadStall(own + "/memory.pressure", "some");
  memory.full_stall = ReadStall(own + "/memory.pressure", "full");
  for (std::string at = *group;;) {
    if (const auto limit = NumberIn(mount + at + "/memory.max")) {
      memory.limit_bytes = std::min(memory.limit_bytes.value_or(*limit), *limit);
      const auto current = NumberIn(mount + at + "/memory.current");
      if (current && *limit > 0) {
        const int64_t cache = NumberOf(mount + at + "/memory.stat", "inactive_file").value_or(0);
        const double used = static_cast<double>(std::max<int64_t>(0, *current - cache));
        memory.limit_share = std::max(memory.limit_share, used / static_cast<double>(*limit));
      }
    }
    const size_t slash = at.rfind('/');
    if (slash == std::string::npos) return memory;
    at.resize(slash);
  }
}

// Of a line "full avg10=0.12 avg60=0.00 avg300=0.00 total=0", the total in microseconds.
std::optional<MemoryStall> ReadStall(const std::string& path, const std::string& kind) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.rfind(kind + " ", 0) != 0) continue;
    const auto percent = NumberAfter(line, "avg10"), total_us = NumberAfter(line, "total");
    if (!percent || *percent > 100) continue;
    return MemoryStall{*percent, total_us ? std::optional(*total_us / 1e6) : std::nullopt};
  }
  return std::nullopt;
}

std::optional<int64_t> GroupOomKills(const std::string& directory) {
  return NumberOf(directory + "/memory.events", "oom_kill");
}

std::optional<int64_t> MachineOomKills(const std::string& root) {
  return NumberOf(root + "/proc/vmstat", "oom_kill");
}

}  // namespace tidemark
