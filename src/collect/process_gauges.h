// What the kernel knows of a process' memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace tidemark {

// Resident bytes from /proc/PID/statm; none when the process is gone.
std::optional<int64_t> ResidentBytes(uint64_t pid);

}  // namespace tidemark
