#include "ingest/memory_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "base/hash.h"
#include "ingest/ingest_limits.h"

namespace tidemark {

// The sum of one row at one time.
struct MemoryMetrics::Candidate {
  uint16_t row = 0;
  int64_t time_ns = 0;
  double value = 0;
};

struct MemoryMetrics::InputValue {
  MetricInput input = MetricInput::kNone;
  int64_t time_ns = 0;
  double value = 0;
};

struct MemoryMetrics::TargetState {
  struct Role {
    int row = -1;  // chosen source
    bool begins_anew = true;
    int64_t time_ns = 0;  // of the last point
    double value = 0;
  };

  std::vector<MetricSource> sources;
  std::array<Role, kSeriesRoles> roles;
  std::array<uint64_t, 5> identity = {};  // hashes of the attributes kIdentity, 0 = not said
  std::array<double, kMetricInputs> inputs = {};
  std::array<bool, kMetricInputs> has_input = {};
  std::list<uint64_t>::iterator use;

  MetricSource* Find(uint16_t row) {
    for (MetricSource& source : sources) {
      if (source.row() == row) return &source;
    }
    return nullptr;
  }
  // Time of the newest value, 0 = none.
  int64_t NewestNs() const {
    int64_t newest_ns = 0;
    for (const MetricSource& source : sources) newest_ns = std::max(newest_ns, source.usable_ns());
    return newest_ns;
  }
  // The process is another one: nothing it said before counts.
  void Cut() {
    sources.clear();
    has_input = {};
    roles = {};
  }
};

namespace {

// Resource attributes of which each names one run of a process.
constexpr const char* kIdentity[5] = {"process.pid", "process.creation.time", "container.id",
                                      "k8s.container.restart_count", "k8s.pod.uid"};

constexpr double kUnlimited =
    4611686018427387904.0;  // 2^62: runtimes and cgroups write about 2^63 for "none"

bool IsRestartUse(MetricUse use) {
  return use == MetricUse::kAllocated || use == MetricUse::kUptime ||
         use == MetricUse::kProcessStart;
}

// The role of a row that makes a series.
std::optional<SeriesRole> RoleOf(MetricUse use) {
  switch (use) {
    case MetricUse::kHeap:
      return SeriesRole::kHeap;
    case MetricUse::kRss:
      return SeriesRole::kRss;
    case MetricUse::kLimit:
      return SeriesRole::kLimit;
    case MetricUse::kActiveSpans:
      return SeriesRole::kActiveSpans;
    case MetricUse::kRequests:
      return SeriesRole::kReqRate;
    default:
      return std::nullopt;
  }
}

bool IsTracked(MetricUse use) {
  return RoleOf(use) || IsRestartUse(use) || use == MetricUse::kInput;
}

// A level of nothing is a runtime that has not looked yet (JVM old pools before the first cycle), a
// limit of nothing is none.
bool IsUsable(SeriesRole role, double value) {
  switch (role) {
    case SeriesRole::kHeap:
    case SeriesRole::kRss:
      return value > 0;
    case SeriesRole::kLimit:
      return value > 0 && value < kUnlimited;
    default:
      return value >= 0;
  }
}

// Whether row `a` is the better source.
bool Better(uint16_t a, uint16_t b) {
  const auto table = MetricTable();
  return std::make_tuple(-static_cast<int>(table[a].quality), a) <
         std::make_tuple(-static_cast<int>(table[b].quality), b);
}

// The row's level from its sum; negative when the inputs do not allow one.
template <typename InputAt>
double Apply(MetricFormula formula, double sum, InputAt input) {
  switch (formula) {
    case MetricFormula::kSum:
      return sum;
    case MetricFormula::kGoGoal:
      return LiveFromGoGoal(sum, input(MetricInput::kGogcPercent).value_or(100),
                            input(MetricInput::kGoLimit).value_or(0));
    case MetricFormula::kMinusFragmentation:
      return sum - input(MetricInput::kFragmentation).value_or(0);
    case MetricFormula::kPlusWorkingSet:
      return sum + input(MetricInput::kWorkingSet).value_or(-2 * kUnlimited);
    case MetricFormula::kWorkingSetDivided:
      return sum > 0 ? input(MetricInput::kWorkingSet).value_or(-1) / sum : -1;
  }
  return -1;
}

// Of points that differ in value only, the last sent stays.
void SortUnique(std::vector<MetricItem>* items) {
  const auto key = [](const MetricItem& item) {
    return std::tie(item.target, item.time_ns, item.row, item.part);
  };
  std::stable_sort(items->begin(), items->end(),
                   [&](const auto& a, const auto& b) { return key(a) < key(b); });
  const auto kept = std::unique(items->rbegin(), items->rend(),
                                [&](const auto& a, const auto& b) { return key(a) == key(b); });
  items->erase(items->begin(), kept.base());
}

Target ContainerTarget(const Attributes& attributes) {
  const std::string& space = AttributeOr(attributes, "namespace");
  const std::string& container = AttributeOr(attributes, "container");
  return {container, space, "", space + "." + AttributeOr(attributes, "pod") + "." + container};
}

}  // namespace

double LiveFromGoGoal(double goal_bytes, double gogc_percent, double limit_bytes) {
  constexpr double kOff = 1e6;  // GOGC=off arrives as about 2^63
  constexpr double kMinimumHeap =
      4 * 1024 * 1024;  // runtime/mgcpacer.go defaultHeapMinimum, at GOGC=100
  if (gogc_percent <= 0 || gogc_percent >= kOff) return -1;
  const double ratio = gogc_percent / 100;
  if (goal_bytes <= kMinimumHeap * ratio) return -1;
  if (limit_bytes > 0 && limit_bytes < kUnlimited && goal_bytes >= 0.8 * limit_bytes) return -1;
  return goal_bytes / (1 + ratio);
}

MemoryMetrics::MemoryMetrics(MemoryMetricsOptions options) : options_(std::move(options)) {
  for (const auto& [from, to] : options_.aliases) aliases_[from] = to;
}
MemoryMetrics::~MemoryMetrics() = default;
MemoryMetrics::MemoryMetrics(MemoryMetrics&&) noexcept = default;
MemoryMetrics& MemoryMetrics::operator=(MemoryMetrics&&) noexcept = default;

size_t MemoryMetrics::targets() const { return states_.size(); }

bool MemoryMetrics::Reports(TargetId target, SeriesRole role) const {
  const auto found = states_.find(static_cast<uint64_t>(target));
  return found != states_.end() && found->second->roles[static_cast<size_t>(role)].row >= 0;
}

std::span<const uint16_t> MemoryMetrics::RowsFor(const std::string& metric) const {
  const auto alias = aliases_.find(metric);
  return FindMetricRows(alias == aliases_.end() ? metric : alias->second);
}

std::vector<CanonicalPoint> MemoryMetrics::Feed(const MetricBatch& batch) {
  std::vector<Target> targets = {batch.resource.target};
  const std::vector<MetricItem> items = Collect(batch, &targets);
  std::vector<CanonicalPoint> out;
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin;
    while (end < items.size() && items[end].target == items[begin].target) ++end;
    const uint32_t index = items[begin].target;
    FeedTarget(index == 0 ? &batch.resource : nullptr, targets[index],
               std::span(items).subspan(begin, end - begin), &out);
    begin = end;
  }
  stats_.points_out += out.size();
  return out;
}

std::vector<MetricItem> MemoryMetrics::Collect(const MetricBatch& batch,
                                               std::vector<Target>* targets) {
  const auto table = MetricTable();
  std::vector<MetricItem> items;
  std::map<Target, uint32_t> containers;
  stats_.points_in += batch.points.size();
  for (const Point& point : batch.points) {
    const auto rows = RowsFor(point.metric);
    if (rows.empty()) {
      ++stats_.points_unknown;
      continue;
    }
    const bool is_undefined_limit = table[rows[0]].use == MetricUse::kLimit && point.value < 0;
    if (is_undefined_limit) continue;  // JVMs write -1
    if (!std::isfinite(point.value) || point.value < 0 || !IsTime(point.time_ns)) {
      ++stats_.points_invalid;
      continue;
    }
    for (const uint16_t row : rows) {
      if (!IsTracked(table[row].use) || !Matches(table[row], point.attributes)) continue;
      uint32_t target = 0;
      if (table[row].per_container) {
        const auto [place, is_new] = containers.try_emplace(ContainerTarget(point.attributes),
                                                            static_cast<uint32_t>(targets->size()));
        if (is_new) targets->push_back(place->first);
        target = place->second;
      }
      items.push_back(
          {target, row, point.time_ns, Hash64(CanonicalText(point.attributes)), point.value});
    }
  }
  SortUnique(&items);
  return items;
}

MemoryMetrics::TargetState& MemoryMetrics::Touch(const Target& target) {
  const auto id = static_cast<uint64_t>(IdOf(target));
  auto& state = states_[id];
  if (state) {
    by_use_.splice(by_use_.end(), by_use_, state->use);
    return *state;
  }
  state = std::make_unique<TargetState>();
  state->use = by_use_.insert(by_use_.end(), id);
  TargetState& created = *state;
  if (states_.size() > options_.max_targets) {
    states_.erase(by_use_.front());
    by_use_.pop_front();
    ++stats_.targets_evicted;
  }
  return created;
}

bool MemoryMetrics::CutIfRestarted(const Resource* resource, std::span<const MetricItem> items,
                                   TargetState* state) {
  bool restarted = false;
  auto identity = state->identity;
  for (size_t i = 0; resource != nullptr && i < std::size(kIdentity); ++i) {
    const std::string& value = AttributeOr(resource->attributes, kIdentity[i]);
    if (value.empty()) continue;
    const uint64_t hash = Hash64(value);
    restarted |= identity[i] != 0 && identity[i] != hash;
    identity[i] = hash;
  }
  const int64_t behind_ns = state->NewestNs() - items.back().time_ns;
  if (restarted && behind_ns > 0 && behind_ns <= MetricSource::kMaxLateNs) return false;
  state->identity = identity;
  ForEachGroup(items, [&](std::span<const MetricItem> group) {
    const MetricUse use = MetricTable()[group[0].row].use;
    if (!IsRestartUse(use)) return;
    const MetricSource* before = state->Find(group[0].row);
    if (before == nullptr || group[0].time_ns <= before->sum_ns() ||
        group.size() < before->expected_parts()) {
      return;
    }
    const double now = Total(group);
    restarted |=
        use == MetricUse::kProcessStart ? std::abs(now - before->sum()) > 1 : now < before->sum();
  });
  if (!restarted) return true;
  state->Cut();
  ++stats_.restarts;
  return true;
}

void MemoryMetrics::FeedTarget(const Resource* resource, const Target& target,
                               std::span<const MetricItem> items,
                               std::vector<CanonicalPoint>* out) {
  TargetState& state = Touch(target);
  if (!CutIfRestarted(resource, items, &state)) {
    ++stats_.late;
    return;
  }
  const std::vector<Candidate> candidates = Values(items, &state);
  Choose(candidates, &state);
  const auto& limit = state.roles[static_cast<size_t>(SeriesRole::kLimit)];
  int64_t limit_ns = 0;
  for (const Candidate& candidate : candidates) {
    const SeriesRole role = *RoleOf(MetricTable()[candidate.row].use);
    if (role == SeriesRole::kLimit) {
      limit_ns = std::max(limit_ns, candidate.time_ns);
    } else if (candidate.row == state.roles[static_cast<size_t>(role)].row) {
      Emit(candidate, target, &state, out);
    }
  }
  if (limit_ns == 0 || limit.row < 0) return;
  const auto row = static_cast<uint16_t>(limit.row);
  Emit({row, limit_ns, state.Find(row)->usable()}, target, &state, out);
}

std::vector<MemoryMetrics::Candidate> MemoryMetrics::Values(std::span<const MetricItem> items,
                                                            TargetState* state) {
  const auto table = MetricTable();
  std::vector<Candidate> sums;
  std::vector<InputValue> inputs;
  ForEachGroup(items, [&](std::span<const MetricItem> group) {
    MetricSource* source = state->Find(group[0].row);
    if (source == nullptr) source = &state->sources.emplace_back(group[0].row);
    const int64_t time_ns = group[0].time_ns;
    std::optional<double> sum = source->Add(group, options_.max_parts, &stats_.parts_refused);
    if (!sum) {
      ++stats_.incomplete;
      return;
    }
    const MetricRow& row = table[source->row()];
    if (row.use == MetricUse::kInput) inputs.push_back({row.input, time_ns, *sum});
    if (row.use == MetricUse::kRequests) sum = source->RateAt(time_ns);
    if (sum && RoleOf(row.use)) sums.push_back({source->row(), time_ns, *sum});
  });
  // The instruments of one collection differ in time by a little: the nearest input of the batch,
  // or the last known.
  const auto input_at = [&](MetricInput wanted, int64_t time_ns) -> std::optional<double> {
    const InputValue* nearest = nullptr;
    for (const InputValue& each : inputs) {
      if (each.input != wanted) continue;
      if (nearest == nullptr ||
          std::abs(each.time_ns - time_ns) < std::abs(nearest->time_ns - time_ns)) {
        nearest = &each;
      }
    }
    if (nearest != nullptr) return nearest->value;
    const auto slot = static_cast<size_t>(wanted);
    return state->has_input[slot] ? std::optional(state->inputs[slot]) : std::nullopt;
  };
  std::vector<Candidate> usable;
  for (Candidate sum : sums) {
    const MetricRow& row = table[sum.row];
    sum.value = Apply(row.formula, sum.value,
                      [&](MetricInput wanted) { return input_at(wanted, sum.time_ns); });
    if (std::isfinite(sum.value) && IsUsable(*RoleOf(row.use), sum.value)) usable.push_back(sum);
  }
  for (const InputValue& each : inputs) {
    state->inputs[static_cast<size_t>(each.input)] = each.value;
    state->has_input[static_cast<size_t>(each.input)] = true;
  }
  return usable;
}

// The row of the source to read a role from, -1 when none is fresh.
int MemoryMetrics::BestRow(const TargetState& state, SeriesRole role) const {
  const int64_t oldest_ns = state.NewestNs() - options_.source_timeout_ns;
  const MetricSource* best = nullptr;
  for (const MetricSource& source : state.sources) {
    if (RoleOf(MetricTable()[source.row()].use) != role || source.usable_ns() == 0 ||
        source.usable_ns() < oldest_ns) {
      continue;
    }
    const bool is_better =
        best == nullptr || (role == SeriesRole::kLimit ? source.usable() < best->usable()
                                                       : Better(source.row(), best->row()));
    if (is_better) best = &source;
  }
  return best == nullptr ? -1 : best->row();
}

void MemoryMetrics::Choose(const std::vector<Candidate>& candidates, TargetState* state) {
  for (const Candidate& candidate : candidates) {
    state->Find(candidate.row)->SetUsable(candidate.time_ns, candidate.value);
  }
  for (int r = 0; r < kSeriesRoles; ++r) {
    auto& role = state->roles[static_cast<size_t>(r)];
    const int before = role.row;
    role.row = BestRow(*state, static_cast<SeriesRole>(r));
    const bool is_limit = static_cast<SeriesRole>(r) == SeriesRole::kLimit;
    if (before < 0 || role.row == before || is_limit) continue;
    role.begins_anew = true;
    role.time_ns = 0;
    ++stats_.source_changes;
  }
}

void MemoryMetrics::Emit(const Candidate& candidate, const Target& target, TargetState* state,
                         std::vector<CanonicalPoint>* out) {
  const MetricRow& row = MetricTable()[candidate.row];
  const SeriesRole role = *RoleOf(row.use);
  auto& memory = state->roles[static_cast<size_t>(role)];
  if (candidate.time_ns == memory.time_ns && candidate.value == memory.value) {
    ++stats_.duplicates;
    return;
  }
  if (candidate.time_ns >= memory.time_ns) {
    memory.time_ns = candidate.time_ns;
    memory.value = candidate.value;
  }
  const bool anew = memory.begins_anew && role != SeriesRole::kLimit;
  out->push_back({target, role, candidate.time_ns, candidate.value, row.quality, row.name, anew});
  memory.begins_anew = false;
}

}  // namespace tidemark
