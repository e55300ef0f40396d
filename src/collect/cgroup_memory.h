// A process' memory as its control group (version 2) sees it: limits, usage, pressure, kills.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace tidemark {

// Waiting for memory, as a pressure file tells it.
struct MemoryStall {
  double percent = 0;             // avg10: share of the last 10 s, 0 to 100
  std::optional<double> total_s;  // cumulative
};

// Absent = the kernel or the group does not say. docs/formats: Documentation/admin-guide/cgroup-v2
// and accounting/psi of the kernel.
struct CgroupMemory {
  std::string directory;  // of the process' own group; "" = it has none
  // Of the process' own group.
  std::optional<int64_t> current_bytes;  // memory.current
  std::optional<int64_t> high_bytes;     // memory.high: above it the process is slowed down
  std::map<std::string, int64_t>
      events;  // memory.events: low, high, max, oom, oom_kill, cumulative
  std::optional<MemoryStall> some_stall;  // memory.pressure: some task waited
  std::optional<MemoryStall> full_stall;  // all did
  // Of all groups from its own to the root.
  std::optional<int64_t> limit_bytes;  // the smallest memory.max
  // The largest share of a limit in use, 0 = no limit: file cache that the kernel drops first
  // (memory.stat, inactive_file) left out, as the kubelet counts a working set.
  double limit_share = 0;
};

// Reads /proc/PID/cgroup and the group's files; pid 0 is the calling process. `root` is "" but in
// tests, where it stands before /proc and /sys. A process that is gone has none of them.
CgroupMemory ReadCgroupMemory(uint64_t pid, const std::string& root = "");

// The line of `kind`, "some" or "full", in a pressure file.
std::optional<MemoryStall> ReadStall(const std::string& path, const std::string& kind);

// Kills for want of memory of a group's processes since it was made; none when it is gone.
std::optional<int64_t> GroupOomKills(const std::string& directory);

// Kills for want of memory on this machine since it started (/proc/vmstat), whatever the group;
// none when the kernel does not count them.
std::optional<int64_t> MachineOomKills(const std::string& root = "");

}  // namespace tidemark
