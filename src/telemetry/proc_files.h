// What Linux says of this process' memory. Missing files and lines are missing values, never
// errors. `root` stands before /proc and /sys; "" but in tests.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace tidemark::sdk {

// "" when the file cannot be read; at most 256 KiB.
std::string ReadProcFile(const std::string& path);

// "Key: 12 kB", "key 12" and "key: 12" lines as numbers, kB as bytes.
using Fields = std::map<std::string, double, std::less<>>;
Fields ReadFields(std::string_view text);
std::optional<double> FieldOf(const Fields& fields, std::string_view key);

// The cgroup (v2) of this process: its memory, and the one on the way up that is nearest to its
// limit.
struct CgroupMemory {
  std::optional<double> current_bytes;
  std::optional<double> limit_bytes;  // the least memory.max from here up
  double use = 0;  // the greatest share of a limit in use, file cache that can be dropped left out
  Fields events;   // of memory.events: low, high, max, oom, oom_kill
  std::string pressure;  // memory.pressure as it stands
};
// Nothing without cgroup v2.
std::optional<CgroupMemory> ReadCgroup(const std::string& root);

// Memory in use as a share of what there is: of the cgroup's limit, without one of the machine's.
// 0 when neither can be read.
double MemoryUse(const std::string& root);

// Stall times of a memory.pressure file: "some" or "full".
struct Stall {
  double avg10 = 0;  // share of the last 10 s in which some or all tasks waited for memory, 0 to 1
  double total_s = 0;  // cumulative
};
std::optional<Stall> ReadStall(std::string_view text, std::string_view kind);

}  // namespace tidemark::sdk
