#include "storage/target_table.h"

#include <algorithm>

namespace tidemark {
namespace {

bool Matches(const std::string& wanted, const std::string& value) {
  return wanted.empty() || wanted == value;
}

}  // namespace

void TargetTable::Observe(const Resource& resource, int64_t first_ns, int64_t last_ns) {
  std::lock_guard lock(mutex_);
  const auto id = static_cast<uint64_t>(IdOf(resource.target));
  const auto [it, added] = rows_.try_emplace(id, TargetRow{resource, first_ns, last_ns});
  if (added) {
    if (rows_.size() > kMaxTargets) Shrink();
    return;
  }
  TargetRow& row = it->second;
  if (last_ns >= row.last_seen_ns && row.resource.attributes != resource.attributes) {
    row.resource.attributes = resource.attributes;
  }
  row.first_seen_ns = std::min(row.first_seen_ns, first_ns);
  row.last_seen_ns = std::max(row.last_seen_ns, last_ns);
}

// A tenth at once, so that the search for the oldest is paid for by many additions.
void TargetTable::Shrink() {
  std::vector<int64_t> times;
  times.reserve(rows_.size());
  for (const auto& [id, row] : rows_) times.push_back(row.last_seen_ns);
  const auto limit = times.begin() + static_cast<ptrdiff_t>(times.size() / 10);
  std::nth_element(times.begin(), limit, times.end());
  const size_t wanted = rows_.size() - kMaxTargets * 9 / 10;
  size_t removed = 0;
  for (auto it = rows_.begin(); it != rows_.end() && removed < wanted;) {
    if (it->second.last_seen_ns > *limit) {
      ++it;
      continue;
    }
    it = rows_.erase(it);
    ++removed;
  }
  forgotten_ += removed;
}

void TargetTable::ForgetBefore(int64_t time_ns) {
  std::lock_guard lock(mutex_);
  std::erase_if(rows_, [&](const auto& entry) { return entry.second.last_seen_ns < time_ns; });
}

std::vector<TargetRow> TargetTable::All() const {
  std::vector<TargetRow> rows;
  {
    std::lock_guard lock(mutex_);
    rows.reserve(rows_.size());
    for (const auto& [id, row] : rows_) rows.push_back(row);
  }
  std::sort(rows.begin(), rows.end(), [](const TargetRow& a, const TargetRow& b) {
    return a.resource.target < b.resource.target;
  });
  return rows;
}

std::optional<std::vector<uint64_t>> TargetTable::Match(const TargetFilter& filter) const {
  if (filter.service.empty() && filter.service_namespace.empty() && filter.version.empty() &&
      filter.instance.empty()) {
    return std::nullopt;
  }
  std::vector<uint64_t> ids;
  std::lock_guard lock(mutex_);
  for (const auto& [id, row] : rows_) {
    const Target& target = row.resource.target;
    if (Matches(filter.service, target.service) &&
        Matches(filter.service_namespace, target.service_namespace) &&
        Matches(filter.version, target.version) && Matches(filter.instance, target.instance)) {
      ids.push_back(id);
    }
  }
  return ids;
}

Target TargetTable::Find(uint64_t id) const {
  std::lock_guard lock(mutex_);
  const auto found = rows_.find(id);
  return found == rows_.end() ? Target{} : found->second.resource.target;
}

uint64_t TargetTable::forgotten() const {
  std::lock_guard lock(mutex_);
  return forgotten_;
}

}  // namespace tidemark
