// A process' memory as its control group (version 2) sees it: limits, usage, pressure, kills.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tidemark {

// Absent = the kernel or the group does not say. docs/formats: Documentation/admin-guide/cgroup-v2
// and accounting/psi of the kernel.
struct CgroupMemory {
  std::string directory;  // of the process' own group; "" = it has none
  // Of the process' own group.
  std::optional<int64_t> current_bytes;  // memory.current
  std::optional<int64_t> high_bytes;     // memory.high: above it the process is slowed down
  std::optional<int64_t> oom_kills;      // memory.events, oom_kill: cumulative
  std::optional<double> some_percent;    // memory.pressure, avg10: share of the last 10 s in which
  std::optional<double> full_percent;    // some task, or all, waited for memory
  // Of all groups from its own to the root.
  std::optional<int64_t> limit_bytes;  // the smallest memory.max
  // The largest share of a limit in use, 0 = no limit: file cache that the kernel drops first
  // (memory.stat, inactive_file) left out, as the kubelet counts a working set.
  double limit_share = 0;
};

// Reads /proc/PID/cgroup and the group's files. `root` is "" but in tests, where it stands before
// /proc and /sys. A process that is gone has none of them.
CgroupMemory ReadCgroupMemory(uint64_t pid, const std::string& root = "");

// Kills for want of memory of a group's processes since it was made; none when it is gone.
std::optional<int64_t> GroupOomKills(const std::string& directory);

// Kills for want of memory on this machine since it started (/proc/vmstat), whatever the group;
// none when the kernel does not count them.
std::optional<int64_t> MachineOomKills(const std::string& root = "");

}  // namespace tidemark
