// What Linux says of this process' memory; its cgroup is collect/cgroup_memory.h's. Missing files
// and lines are missing values, never errors. `root` stands before /proc and /sys; "" but in tests.
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

// Memory in use as a share of what there is: of the cgroup's limit, without one of the machine's.
// 0 when neither can be read.
double MemoryUse(const std::string& root);

}  // namespace tidemark::sdk
