// What the kernel knows of a process' memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tidemark {

// Resident bytes from /proc/PID/statm; none when the process is gone.
std::optional<int64_t> ResidentBytes(uint64_t pid);

// The smallest memory.max from the process' cgroup (v2) up to the root; none when there is no
// limit. `root` is "" but in tests, where it stands before /proc and /sys.
std::optional<int64_t> MemoryLimitBytes(uint64_t pid, const std::string& root = "");

}  // namespace tidemark
