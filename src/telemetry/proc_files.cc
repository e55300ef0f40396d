#include "telemetry/proc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "collect/cgroup_memory.h"

namespace tidemark::sdk {
namespace {

constexpr size_t kMaxFileBytes = 256 << 10;

std::optional<double> Number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value < 0) return std::nullopt;
  return value;
}

// The next line of `text`, which loses it.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

}  // namespace

std::string ReadProcFile(const std::string& path) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  std::array<char, 4096> chunk;
  while (text.size() < kMaxFileBytes) {
    const ssize_t n = read(fd, chunk.data(), chunk.size());
    if (n <= 0) break;
    text.append(chunk.data(), static_cast<size_t>(n));
  }
  close(fd);
  return text;
}

Fields ReadFields(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    std::string_view line = TakeLine(&text);
    const size_t end = line.find_first_of(": \t");
    if (end == line.npos || end == 0) continue;
    const size_t begin = line.find_first_not_of(": \t", end);
    if (begin == line.npos) continue;
    const auto value = Number(line.substr(begin));
    if (value) fields.emplace(line.substr(0, end), *value * (line.ends_with(" kB") ? 1024 : 1));
  }
  return fields;
}

std::optional<double> FieldOf(const Fields& fields, std::string_view key) {
  const auto at = fields.find(key);
  if (at == fields.end()) return std::nullopt;
  return at->second;
}

double MemoryUse(const std::string& root) {
  const CgroupMemory cgroup = ReadCgroupMemory(0, root);
  if (cgroup.limit_bytes) return cgroup.limit_share;
  const Fields machine = ReadFields(ReadProcFile(root + "/proc/meminfo"));
  const double total = FieldOf(machine, "MemTotal").value_or(0);
  if (total <= 0) return 0;
  return std::clamp(1 - FieldOf(machine, "MemAvailable").value_or(total) / total, 0.0, 1.0);
}

}  // namespace tidemark::sdk
