#include "collect/memory_watch.h"

#include <array>
#include <cstdio>

#include "base/text.h"

namespace tidemark {
namespace {

constexpr int64_t kRoundNs = 100'000'000;

template <typename... Args>
std::string Format(const char* format, Args... args) {
  std::array<char, 160> text;
  std::snprintf(text.data(), text.size(), format, args...);
  return text.data();
}

}  // namespace

MemoryWatch::MemoryWatch(MemoryThresholds thresholds, std::string root)
    : thresholds_(thresholds), root_(std::move(root)) {}

// What exceeds the thresholds times `factor`; "" = nothing.
std::string MemoryWatch::Alarm(const CgroupMemory& memory, double factor) const {
  if (memory.limit_bytes && memory.limit_share >= factor * thresholds_.limit_share) {
    return Format("%.0f %% of memory.max, %s", 100 * memory.limit_share,
                  FormatBytes(static_cast<double>(*memory.limit_bytes)).c_str());
  }
  if (memory.full_stall && memory.full_stall->percent >= factor * thresholds_.full_percent) {
    return Format("stalled for memory %.1f %% of the last 10 s", memory.full_stall->percent);
  }
  return "";
}

std::optional<std::string> MemoryWatch::Look(uint64_t pid, int64_t now_ns) {
  CgroupMemory memory = ReadCgroupMemory(pid, root_);
  if (memory.directory.empty() && seen_.contains(pid)) return std::nullopt;  // it has just ended
  Seen& seen = seen_[pid];
  seen.memory = std::move(memory);
  // One look at the machine serves all processes of a round.
  if (machine_read_ns_ < 0 || now_ns - machine_read_ns_ >= kRoundNs) {
    machine_kills_ = MachineOomKills(root_);
    machine_read_ns_ = now_ns;
  }
  seen.machine_kills = machine_kills_;
  if (Alarm(seen.memory, thresholds_.rearm).empty()) seen.sounding = false;
  std::string alarm = Alarm(seen.memory, 1);
  if (alarm.empty()) return std::nullopt;
  if (seen.sounding && now_ns - seen.sounded_ns < thresholds_.repeat_ns) return std::nullopt;
  seen.sounding = true;
  seen.sounded_ns = now_ns;
  return alarm;
}

const CgroupMemory* MemoryWatch::Last(uint64_t pid) const {
  const auto at = seen_.find(pid);
  return at == seen_.end() ? nullptr : &at->second.memory;
}

std::optional<std::string> MemoryWatch::OutOfMemory(uint64_t pid) {
  const auto at = seen_.find(pid);
  if (at == seen_.end()) return std::nullopt;
  const Seen& seen = at->second;
  const auto group_kills = GroupOomKills(seen.memory.directory);
  const auto before = seen.memory.events.find("oom_kill");
  if (before != seen.memory.events.end() && group_kills) {
    if (*group_kills <= before->second) return std::nullopt;
    return Format("oom_kill in memory.events rose by %lld",
                  static_cast<long long>(*group_kills - before->second));
  }
  const auto machine_kills = MachineOomKills(root_);
  if (!machine_kills || !seen.machine_kills || *machine_kills <= *seen.machine_kills) {
    return std::nullopt;
  }
  return Format("oom_kill in /proc/vmstat rose by %lld",
                static_cast<long long>(*machine_kills - *seen.machine_kills));
}

}  // namespace tidemark
