// One metric of one target: its points of one time are summed, and the last sums remembered.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace tidemark {

// One point that counts for one row of the metric table.
struct MetricItem {
  uint32_t target = 0;  // index into the targets of the batch
  uint16_t row = 0;
  int64_t time_ns = 0;
  uint64_t part = 0;  // hash of its attribute set
  double value = 0;
};

double Total(std::span<const MetricItem> items);

// Calls `callback` with each run of items of one time and row.
template <typename Callback>
void ForEachGroup(std::span<const MetricItem> items, Callback callback) {
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin + 1;
    while (end < items.size() && items[end].row == items[begin].row &&
           items[end].time_ns == items[begin].time_ns) {
      ++end;
    }
    callback(items.subspan(begin, end - begin));
    begin = end;
  }
}

// A request may be split between attribute sets, so a group with fewer parts than the last complete
// one is incomplete until the rest has come. Parts can also be gone for good: after two incomplete
// times in a row the third is taken as it is.
class MetricSource {
 public:
  // Points older than the newest by more than this are not late: the newest had a wrong clock.
  static constexpr int64_t kMaxLateNs = 600'000'000'000;

  explicit MetricSource(uint16_t row) : row_(row) {}

  // Adds the parts of one time, in one group (row and time of all items equal, parts different).
  // Returns the sum over all parts of that time; nothing while it is incomplete. Parts beyond
  // `max_parts` are left out and counted in `refused`. Late groups are summed by themselves.
  std::optional<double> Add(std::span<const MetricItem> group, size_t max_parts, uint64_t* refused);

  // Growth a second from the sum before the last to the last; nothing unless the last is of
  // `time_ns`, there is one before it, and the sum did not fall.
  std::optional<double> RateAt(int64_t time_ns) const;

  // Notes what the sum stands for, with the formulas applied.
  void SetUsable(int64_t time_ns, double value);

  uint16_t row() const { return row_; }
  size_t expected_parts() const { return expected_parts_; }
  // Of the last complete sum; 0 = none.
  int64_t sum_ns() const { return sum_ns_; }
  double sum() const { return sum_; }
  // Of the last usable value; 0 = none.
  int64_t usable_ns() const { return usable_ns_; }
  double usable() const { return usable_; }

 private:
  uint16_t row_;
  bool complete_ = false;  // whether `parts_` are
  int incomplete_run_ = 0;
  size_t expected_parts_ = 0;
  int64_t time_ns_ = 0;  // of `parts_`
  std::vector<std::pair<uint64_t, double>> parts_;
  int64_t sum_ns_ = 0, previous_ns_ = 0, usable_ns_ = 0;
  double sum_ = 0, previous_ = 0, usable_ = 0;
};

}  // namespace tidemark
