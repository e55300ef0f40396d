#include "detect/stack_growth.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

#include "detect/least_squares.h"
#include "detect/stack_path.h"
#include "detect/stack_rules.h"

namespace tidemark {
namespace {

constexpr double kMiB = 1 << 20;
constexpr double kMinCandidateBytes = 16 * kMiB;
constexpr int64_t kLatestNs = int64_t{1}
                              << 62;  // the year 2116; sums and differences stay in range
constexpr double kLiveWithinNs = 600e9;
constexpr double kGrowingPart = 0.4;  // of the pooled slope, to count an instance as growing
constexpr double kMinGrowingShare =
    0.6;  // of three and more instances, else one of them is judged alone

double Sane(double value, double unknown) {
  return std::isfinite(value) && value >= 0 ? value : unknown;
}

// Sorted, distinct, finite, the heaviest `max_stacks`; sums are over all that was given.
StackSnapshot MakeSnapshot(std::span<const StackSample> samples, size_t max_stacks,
                           uint64_t& truncated) {
  StackSnapshot snapshot;
  snapshot.alloc_bytes = samples.empty() ? -1 : 0;
  snapshot.samples.reserve(samples.size());
  for (StackSample sample : samples) {
    sample.inuse_bytes = Sane(sample.inuse_bytes, 0);
    sample.inuse_objects = Sane(sample.inuse_objects, 0);
    sample.alloc_bytes = Sane(sample.alloc_bytes, -1);
    sample.linked_bytes = Sane(sample.linked_bytes, -1);
    snapshot.inuse_bytes += sample.inuse_bytes;
    if (sample.alloc_bytes < 0) snapshot.alloc_bytes = -1;
    if (snapshot.alloc_bytes >= 0) snapshot.alloc_bytes += sample.alloc_bytes;
    snapshot.samples.push_back(sample);
  }
  auto& kept = snapshot.samples;
  if (kept.size() > max_stacks) {
    truncated += kept.size() - max_stacks;
    std::nth_element(
        kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(max_stacks), kept.end(),
        [](const StackSample& a, const StackSample& b) { return a.inuse_bytes > b.inuse_bytes; });
    kept.resize(max_stacks);
  }
  std::sort(kept.begin(), kept.end(),
            [](const StackSample& a, const StackSample& b) { return a.stack_id < b.stack_id; });
  const auto same = [](const StackSample& a, const StackSample& b) {
    return a.stack_id == b.stack_id;
  };
  kept.erase(std::unique(kept.begin(), kept.end(), same), kept.end());
  kept.shrink_to_fit();
  return snapshot;
}

using Histories = std::vector<const StackHistory*>;

// Histories that can be judged together, with their names.
struct Live {
  Histories histories;
  std::vector<std::string_view> names;
};

// Those with two profiles whose newest lies within 10 minutes of the median of all newest: neither
// the dead nor one with a wrong clock takes part.
Live SelectLive(const std::map<std::string, StackHistory, std::less<>>& all) {
  std::vector<double> last_ns;
  for (const auto& [name, history] : all) {
    if (history.snapshots().size() >= 2) {
      last_ns.push_back(static_cast<double>(history.snapshots().back().time_ns));
    }
  }
  const double median = MedianInPlace(last_ns);
  Live live;
  for (const auto& [name, history] : all) {
    if (history.snapshots().size() < 2) continue;
    const double last = static_cast<double>(history.snapshots().back().time_ns);
    if (std::abs(last - median) > kLiveWithinNs) continue;
    live.histories.push_back(&history);
    live.names.push_back(name);
  }
  return live;
}

// Growth in the newest profile over the least the stack had in use before.
double RiseOf(const StackHistory& history, uint64_t stack_id, double now) {
  double least = now;
  for (const StackSnapshot& snapshot : history.snapshots()) {
    const StackSample* sample = snapshot.Find(stack_id);
    least = std::min(least, sample ? sample->inuse_bytes : 0);
  }
  return now - least;
}

// Stacks worth judging: those that rose by 16 MiB in some instance, steepest first.
std::vector<uint64_t> Candidates(const Histories& histories, size_t max) {
  std::unordered_map<uint64_t, double> rise;
  for (const StackHistory* history : histories) {
    for (const StackSample& sample : history->snapshots().back().samples) {
      if (sample.inuse_bytes < kMinCandidateBytes) continue;
      double& most = rise[sample.stack_id];
      most = std::max(most, RiseOf(*history, sample.stack_id, sample.inuse_bytes));
    }
  }
  std::vector<std::pair<double, uint64_t>> order;
  for (const auto& [id, bytes] : rise) {
    if (bytes >= kMinCandidateBytes) order.emplace_back(bytes, id);
  }
  std::sort(order.rbegin(), order.rend());
  if (order.size() > max) order.resize(max);
  std::vector<uint64_t> ids;
  for (const auto& entry : order) ids.push_back(entry.second);
  return ids;
}

// The profile nearest to `time_ns` in time.
const StackSnapshot& Nearest(const StackHistory& history, int64_t time_ns) {
  const auto all = history.snapshots();
  auto at = std::lower_bound(
      all.begin(), all.end(), time_ns,
      [](const StackSnapshot& snapshot, int64_t t) { return snapshot.time_ns < t; });
  if (at == all.end()) return all.back();
  if (at != all.begin() && time_ns - (at - 1)->time_ns < at->time_ns - time_ns) --at;
  return *at;
}

struct Change {
  double inuse = 0, alloc = 0, now_bytes = 0, now_objects = 0, rise_per_hour = 0;
  bool alloc_known = true;
  int instances = 0;
};

using Changes = std::unordered_map<uint64_t, Change>;

void AddChange(const StackSnapshot& from, const StackSnapshot& to, Changes& changes) {
  const double hours = static_cast<double>(to.time_ns - from.time_ns) / 3.6e12;
  for (const StackSample& now : to.samples) {
    const StackSample* before = from.Find(now.stack_id);
    Change& change = changes[now.stack_id];
    const double delta = now.inuse_bytes - (before ? before->inuse_bytes : 0);
    change.inuse += delta;
    if (hours > 0) change.rise_per_hour += delta / hours;
    change.now_bytes += now.inuse_bytes;
    change.now_objects += now.inuse_objects;
    ++change.instances;
    if (now.alloc_bytes < 0) change.alloc_known = false;
    change.alloc += now.alloc_bytes - (before ? before->alloc_bytes : 0);
  }
  for (const StackSample& gone : from.samples) {
    if (!to.Find(gone.stack_id)) changes[gone.stack_id].inuse -= gone.inuse_bytes;
  }
}

Changes ChangesBetween(const Histories& histories, int64_t from_ns, int64_t to_ns) {
  Changes changes;
  for (const StackHistory* history : histories) {
    const StackSnapshot& from = Nearest(*history, from_ns);
    const StackSnapshot& to = Nearest(*history, to_ns);
    if (from.time_ns < to.time_ns) AddChange(from, to, changes);
  }
  return changes;
}

double AllGrowth(const Changes& changes) {
  double sum = 0;
  for (const auto& [id, change] : changes) sum += std::max(0.0, change.inuse);
  return sum;
}

// Instances whose own slope of the stack is at least kGrowingPart of the pooled one.
std::vector<size_t> GrowingInstances(const Histories& histories, const GrowingStack& found,
                                     uint64_t stack_id) {
  std::vector<size_t> growing;
  const double pooled = found.growth_bytes_per_hour.value / 3600;
  for (size_t i = 0; i < histories.size(); ++i) {
    const StackHistory* one[] = {histories[i]};
    const StackPath path = BuildStackPath(one, stack_id);
    if (!path.inuse.empty() && SlopeSince(path, found.onset_ns) > kGrowingPart * pooled) {
      growing.push_back(i);
    }
  }
  return growing;
}

size_t SteepestInstance(const Histories& histories, uint64_t stack_id) {
  size_t best = 0;
  double most = -1;
  for (size_t i = 0; i < histories.size(); ++i) {
    const StackSample* sample = histories[i]->snapshots().back().Find(stack_id);
    const double rise = sample ? RiseOf(*histories[i], stack_id, sample->inuse_bytes) : 0;
    if (rise > most) {
      most = rise;
      best = i;
    }
  }
  return best;
}

struct Judged {
  GrowingStack stack;
  std::vector<size_t> growing;  // indices of the instances
};

// All instances together; failing that, the one that rose most, alone.
std::optional<Judged> JudgeStack(const Histories& histories, uint64_t stack_id) {
  if (auto found = JudgeStackPath(BuildStackPath(histories, stack_id))) {
    auto growing = GrowingInstances(histories, *found, stack_id);
    const double share =
        static_cast<double>(growing.size()) / static_cast<double>(histories.size());
    if (histories.size() < 3 || share >= kMinGrowingShare) {
      if (growing.empty()) growing.push_back(SteepestInstance(histories, stack_id));
      return Judged{std::move(*found), std::move(growing)};
    }
  }
  if (histories.size() < 2) return std::nullopt;
  const size_t steepest = SteepestInstance(histories, stack_id);
  const StackHistory* one[] = {histories[steepest]};
  if (auto found = JudgeStackPath(BuildStackPath(one, stack_id))) {
    auto growing = GrowingInstances(histories, *found, stack_id);
    if (growing.empty()) growing.push_back(steepest);
    return Judged{std::move(*found), std::move(growing)};
  }
  return std::nullopt;
}

}  // namespace

StackGrowth::Counters& StackGrowth::Counters::operator+=(const Counters& other) {
  profiles += other.profiles;
  profiles_invalid += other.profiles_invalid;
  profiles_late += other.profiles_late;
  profiles_repeated += other.profiles_repeated;
  profiles_thinned += other.profiles_thinned;
  stacks_truncated += other.stacks_truncated;
  instances_evicted += other.instances_evicted;
  restarts += other.restarts;
  return *this;
}

StackGrowth::StackGrowth() : StackGrowth(Limits{}) {}
StackGrowth::StackGrowth(Limits limits) : limits_(limits) {}

StackHistory& StackGrowth::HistoryOf(std::string_view instance) {
  const auto known = histories_.find(instance);
  if (known != histories_.end()) return known->second;
  if (histories_.size() >= limits_.max_instances) {
    auto oldest = histories_.end();
    int64_t oldest_ns = std::numeric_limits<int64_t>::max();
    for (auto it = histories_.begin(); it != histories_.end(); ++it) {
      const auto all = it->second.snapshots();
      const int64_t last_ns =
          all.empty() ? std::numeric_limits<int64_t>::min() : all.back().time_ns;
      if (last_ns <= oldest_ns) {
        oldest_ns = last_ns;
        oldest = it;
      }
    }
    entries_ -= oldest->second.entries();
    histories_.erase(oldest);
    ++counters_.instances_evicted;
  }
  return histories_.emplace(instance, StackHistory()).first->second;
}

void StackGrowth::Add(std::string_view instance, int64_t time_ns,
                      std::span<const StackSample> samples, double period_bytes,
                      double requests_total) {
  if (time_ns < 0 || time_ns > kLatestNs) {
    ++counters_.profiles_invalid;
    return;
  }
  StackSnapshot snapshot =
      MakeSnapshot(samples, limits_.max_stacks_per_profile, counters_.stacks_truncated);
  snapshot.time_ns = time_ns;
  snapshot.period_bytes = Sane(period_bytes, 0);
  snapshot.requests_total = Sane(requests_total, -1);
  StackHistory& history = HistoryOf(instance);
  const size_t before = history.entries();
  switch (history.Add(std::move(snapshot))) {
    case SnapshotFate::kLate:
      ++counters_.profiles_late;
      return;
    case SnapshotFate::kRepeated:
      ++counters_.profiles_repeated;
      return;
    case SnapshotFate::kRestart:
      ++counters_.restarts;
      break;
    case SnapshotFate::kKept:
      break;
  }
  ++counters_.profiles;
  if (history.snapshots().size() > limits_.max_profiles) {
    counters_.profiles_thinned += history.Thin();
  }
  entries_ += history.entries();
  entries_ -= before;
  KeepWithinBudget();
}

// Thins the history with most samples until all fit. A history that cannot shrink further is
// forgotten.
void StackGrowth::KeepWithinBudget() {
  while (entries_ > limits_.max_entries && !histories_.empty()) {
    auto largest = histories_.begin();
    for (auto it = histories_.begin(); it != histories_.end(); ++it) {
      if (it->second.entries() > largest->second.entries()) largest = it;
    }
    const size_t before = largest->second.entries();
    const size_t gone = largest->second.Thin();
    counters_.profiles_thinned += gone;
    entries_ -= before - largest->second.entries();
    if (gone == 0) {
      entries_ -= largest->second.entries();
      histories_.erase(largest);
      ++counters_.instances_evicted;
    }
  }
}

std::vector<GrowingStack> StackGrowth::Evaluate() const {
  const Live live = SelectLive(histories_);
  const Histories& histories = live.histories;
  std::vector<GrowingStack> result;
  for (const uint64_t id : Candidates(histories, limits_.max_candidates)) {
    auto judged = JudgeStack(histories, id);
    if (!judged) continue;
    GrowingStack& stack = judged->stack;
    stack.stack_id = id;
    stack.instances_total = static_cast<int>(histories.size());
    stack.instances_growing = static_cast<int>(judged->growing.size());
    Histories growing;
    for (const size_t i : judged->growing) {
      stack.instances.emplace_back(live.names[i]);
      growing.push_back(histories[i]);
    }
    const Changes changes = ChangesBetween(growing, stack.window_start_ns, stack.window_end_ns);
    const double all = AllGrowth(changes);
    const auto own = changes.find(id);
    if (all > 0 && own != changes.end()) {
      stack.share = std::clamp(own->second.inuse / all, 0.0, 1.0);
      stack.growth_bytes = own->second.inuse;
    }
    result.push_back(std::move(stack));
  }
  std::sort(result.begin(), result.end(), [](const GrowingStack& a, const GrowingStack& b) {
    return a.growth_bytes > b.growth_bytes;
  });
  return result;
}

std::vector<GrowingStack> StackGrowth::TopGrowth(int64_t from_ns, int64_t to_ns, size_t max) const {
  const Histories histories = SelectLive(histories_).histories;
  const Changes changes =
      ChangesBetween(histories, from_ns, to_ns == 0 ? std::numeric_limits<int64_t>::max() : to_ns);
  const double all = AllGrowth(changes);
  std::vector<GrowingStack> result;
  for (const auto& [id, change] : changes) {
    if (change.inuse <= 0 || change.instances == 0) continue;
    GrowingStack stack;
    stack.stack_id = id;
    stack.share = change.inuse / all;
    stack.growth_bytes = change.inuse;
    const double per_hour = change.rise_per_hour / change.instances;
    stack.growth_bytes_per_hour = {per_hour, per_hour, per_hour};
    if (change.alloc_known && change.alloc > 0) {
      stack.retained_share = std::clamp(change.inuse / change.alloc, 0.0, 1.0);
    }
    stack.inuse_bytes = change.now_bytes / change.instances;
    stack.inuse_objects = change.now_objects / change.instances;
    stack.instances_total = static_cast<int>(histories.size());
    stack.instances_growing = change.instances;
    result.push_back(std::move(stack));
  }
  const size_t count = std::min(max, result.size());
  std::partial_sort(
      result.begin(), result.begin() + static_cast<std::ptrdiff_t>(count), result.end(),
      [](const GrowingStack& a, const GrowingStack& b) { return a.growth_bytes > b.growth_bytes; });
  result.resize(count);
  return result;
}

}  // namespace tidemark
