#include "ingest/metric_source.h"

#include <algorithm>

#include "base/time.h"

namespace tidemark {
namespace {

constexpr int kIncompleteRun = 2;

bool IsLate(int64_t time_ns, int64_t newest_ns) {
  return time_ns < newest_ns && newest_ns - time_ns <= MetricSource::kMaxLateNs;
}

}  // namespace

double Total(std::span<const MetricItem> items) {
  double total = 0;
  for (const MetricItem& item : items) total += item.value;
  return total;
}

std::optional<double> MetricSource::Add(std::span<const MetricItem> group, size_t max_parts,
                                        uint64_t* refused) {
  const int64_t time_ns = group[0].time_ns;
  if (IsLate(time_ns, time_ns_)) {
    return group.size() >= expected_parts_ ? std::optional(Total(group)) : std::nullopt;
  }
  if (time_ns != time_ns_) {
    incomplete_run_ = complete_ || time_ns_ == 0 ? 0 : incomplete_run_ + 1;
    parts_.clear();
    time_ns_ = time_ns;
    complete_ = false;
  }
  for (const MetricItem& item : group) {
    const auto known = std::find_if(parts_.begin(), parts_.end(),
                                    [&](const auto& part) { return part.first == item.part; });
    if (known != parts_.end()) {
      known->second = item.value;
    } else if (parts_.size() < max_parts) {
      parts_.emplace_back(item.part, item.value);
    } else {
      ++*refused;
    }
  }
  if (parts_.size() < expected_parts_ && incomplete_run_ < kIncompleteRun) return std::nullopt;
  complete_ = true;
  expected_parts_ = parts_.size();
  if (sum_ns_ != time_ns) {
    previous_ns_ = sum_ns_;
    previous_ = sum_;
  }
  sum_ns_ = time_ns;
  sum_ = 0;
  for (const auto& [part, value] : parts_) sum_ += value;
  return sum_;
}

std::optional<double> MetricSource::RateAt(int64_t time_ns) const {
  if (sum_ns_ != time_ns || previous_ns_ == 0 || previous_ns_ >= sum_ns_ || sum_ < previous_) {
    return std::nullopt;
  }
  return (sum_ - previous_) / (static_cast<double>(sum_ns_ - previous_ns_) / kNsPerSecond);
}

void MetricSource::SetUsable(int64_t time_ns, double value) {
  if (IsLate(time_ns, usable_ns_)) return;
  usable_ns_ = time_ns;
  usable_ = value;
}

}  // namespace tidemark
