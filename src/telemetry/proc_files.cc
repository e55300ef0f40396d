#include "telemetry/proc_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace tidemark::sdk {
namespace {

constexpr size_t kMaxFileBytes = 256 << 10;
constexpr int kMaxCgroupDepth = 64;

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

// The line "0::/path" of /proc/self/cgroup: the unified hierarchy.
std::optional<std::string> CgroupPath(const std::string& root) {
  const std::string text = ReadProcFile(root + "/proc/self/cgroup");
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::string_view line = TakeLine(&rest);
    if (line.starts_with("0::/")) return std::string(line.substr(3));
  }
  return std::nullopt;
}

// What the kernel could not drop at once: as the kubelet's working set, usage less inactive file
// pages.
double WorkingSet(const std::string& folder, double current) {
  const Fields stat = ReadFields(ReadProcFile(folder + "/memory.stat"));
  return std::max(0.0, current - FieldOf(stat, "inactive_file").value_or(0));
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

std::optional<CgroupMemory> ReadCgroup(const std::string& root) {
  const auto path = CgroupPath(root);
  if (!path) return std::nullopt;
  const std::string top = root + "/sys/fs/cgroup";
  const std::string own = top + (*path == "/" ? "" : *path);
  CgroupMemory memory;
  memory.current_bytes = Number(ReadProcFile(own + "/memory.current"));
  memory.events = ReadFields(ReadProcFile(own + "/memory.events"));
  memory.pressure = ReadProcFile(own + "/memory.pressure");
  std::string at = own;
  for (int depth = 0; depth < kMaxCgroupDepth && at.size() >= top.size(); ++depth) {
    const auto limit = Number(ReadProcFile(at + "/memory.max"));  // "max" is no number
    const auto current = Number(ReadProcFile(at + "/memory.current"));
    if (limit) memory.limit_bytes = std::min(memory.limit_bytes.value_or(*limit), *limit);
    if (limit && *limit > 0 && current) {
      memory.use = std::max(memory.use, WorkingSet(at, *current) / *limit);
    }
    at.resize(std::min(at.rfind('/'), at.size()));
  }
  return memory;
}

double MemoryUse(const std::string& root) {
  if (const auto cgroup = ReadCgroup(root); cgroup && cgroup->limit_bytes) return cgroup->use;
  const Fields machine = ReadFields(ReadProcFile(root + "/proc/meminfo"));
  const double total = FieldOf(machine, "MemTotal").value_or(0);
  if (total <= 0) return 0;
  return std::clamp(1 - FieldOf(machine, "MemAvailable").value_or(total) / total, 0.0, 1.0);
}

std::optional<Stall> ReadStall(std::string_view text, std::string_view kind) {
  while (!text.empty()) {
    const std::string_view line = TakeLine(&text);
    if (!line.starts_with(kind)) continue;
    const size_t average = line.find("avg10="), total = line.find("total=");
    if (average == line.npos || total == line.npos) return std::nullopt;
    const auto percent = Number(line.substr(average + 6));
    const auto microseconds = Number(line.substr(total + 6));
    if (!percent || !microseconds) return std::nullopt;
    return Stall{*percent / 100, *microseconds / 1e6};
  }
  return std::nullopt;
}

}  // namespace tidemark::sdk
