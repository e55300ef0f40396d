// Looks at the recorded processes' memory between two pushes: who is near its limit now, and who
// was killed for want of memory.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "collect/cgroup_memory.h"

namespace tidemark {

struct MemoryThresholds {
  double limit_share = 0.9;  // of memory.max, from which a profile is pushed at once
  double full_percent = 10;  // of the last 10 s stalled (PSI full avg10), the same
  double rearm = 0.9;        // below this part of both thresholds the alarm may sound anew
  int64_t repeat_ns = 60'000'000'000;  // while it goes on, an alarm at most this often
};

// One thread at a time. Memory: one entry a process, until it is forgotten.
class MemoryWatch {
 public:
  explicit MemoryWatch(MemoryThresholds thresholds = {}, std::string root = "");

  // To be called about twice a second for each live process. What is wrong, as a person reads it
  // ("95 % of memory.max, 512 MiB"), when a profile should be pushed now. `now_ns`: steady clock.
  std::optional<std::string> Look(uint64_t pid, int64_t now_ns);

  // What the last look saw; null before the first.
  const CgroupMemory* Last(uint64_t pid) const;

  // Of a process that is gone without having exited: why it is thought that the kernel killed it
  // for want of memory; nothing when it is not. Evidence is a count of kills that rose since the
  // process was last seen, of its group or, where the group does not tell, of the machine.
  std::optional<std::string> OutOfMemory(uint64_t pid);

  void Forget(uint64_t pid) { seen_.erase(pid); }

 private:
  struct Seen {
    CgroupMemory memory;
    std::optional<int64_t> machine_kills;
    bool sounding = false;
    int64_t sounded_ns = 0;
  };
  std::string Alarm(const CgroupMemory& memory, double factor) const;

  const MemoryThresholds thresholds_;
  const std::string root_;
  std::map<uint64_t, Seen> seen_;  // by pid
  std::optional<int64_t> machine_kills_;
  int64_t machine_read_ns_ = -1;
};

}  // namespace tidemark
