// The targets the store knows, in memory: what filters are resolved with. Any thread may call.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "storage/store.h"

namespace tidemark {

class TargetTable {
 public:
  // Of more targets, those that were seen longest ago are forgotten (their rows stay on disk until
  // retention).
  static constexpr size_t kMaxTargets = 50'000;

  // Adds a target or widens its time. The attributes of the later sighting count.
  void Observe(const Resource& resource, int64_t first_ns, int64_t last_ns);
  // Forgets targets last seen before `time_ns`.
  void ForgetBefore(int64_t time_ns);

  std::vector<TargetRow> All() const;
  // Ids of the targets that match; null when the filter matches everything.
  std::optional<std::vector<uint64_t>> Match(const TargetFilter& filter) const;
  // An empty target when `id` is not known.
  Target Find(uint64_t id) const;
  uint64_t forgotten() const;

 private:
  void Shrink();
  mutable std::mutex mutex_;
  std::unordered_map<uint64_t, TargetRow> rows_;
  uint64_t forgotten_ = 0;
};

}  // namespace tidemark
