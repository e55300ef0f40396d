#include "ingest/memory_metrics.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <tuple>

#include "base/hash.h"
#include "base/time.h"

namespace tidemark {

// One point that counts for one row.
struct MemoryMetrics::Item {
  uint32_t target = 0;  // index into the batch's targets
  uint16_t row = 0;
  int64_t time_ns = 0;
  uint64_t part = 0;  // its attribute set
  double value = 0;
};

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

// One row as one target reports it.
struct MemoryMetrics::Source {
  uint16_t row = 0;
  int64_t time_ns = 0;  // of `parts`
  std::vector<std::pair<uint64_t, double>> parts;
  size_t expected_parts = 0;
  int short_run = 0;      // incomplete groups in a row
  bool complete = false;  // whether `parts` were
  // The last complete sum and the one before it.
  int64_t value_ns = 0, previous_ns = 0;
  double value = 0, previous = 0;
  int64_t usable_ns = 0;  // last time it gave a value for its role
  double usable = 0;
};

struct MemoryMetrics::TargetState {
  struct Role {
    int row = -1;  // chosen source
    bool begins_anew = true;
    int64_t time_ns = 0;  // of the last point
    double value = 0;
  };

  std::vector<Source> sources;
  std::array<Role, kSeriesRoles> roles;
  std::array<uint64_t, 5> identity =
      {};  // hashes of the resource attributes of kIdentity, 0 = not said
  std::array<double, kMetricInputs> inputs = {};
  std::array<bool, kMetricInputs> has_input = {};
  int64_t last_ns = 0;
  std::list<uint64_t>::iterator use;

  Source* Find(uint16_t row) {
    for (Source& source : sources) {
      if (source.row == row) return &source;
    }
    return nullptr;
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
constexpr int kShortGroupsAccepted = 2;

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

// Splits sorted items into runs of one time and row.
template <typename Items, typename Callback>
void ForEachGroup(const Items& items, Callback callback) {
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

double Total(const auto& items) {
  double total = 0;
  for (const auto& item : items) total += item.value;
  return total;
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
  std::vector<Item> items = Collect(batch, &targets);
  std::sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return std::tie(a.target, a.time_ns, a.row, a.part) <
           std::tie(b.target, b.time_ns, b.row, b.part);
  });
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

std::vector<MemoryMetrics::Item> MemoryMetrics::Collect(const MetricBatch& batch,
                                                        std::vector<Target>* targets) {
  const auto table = MetricTable();
  std::vector<Item> items;
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
    if (!std::isfinite(point.value) || point.value < 0 || point.time_ns <= 0) {
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

bool MemoryMetrics::CutIfRestarted(const Resource* resource, std::span<const Item> items,
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
  if (restarted && items.back().time_ns < state->last_ns) return false;
  state->identity = identity;
  ForEachGroup(items, [&](std::span<const Item> group) {
    const MetricUse use = MetricTable()[group[0].row].use;
    if (!IsRestartUse(use)) return;
    const Source* before = state->Find(group[0].row);
    if (before == nullptr || group[0].time_ns <= before->value_ns ||
        group.size() < before->expected_parts) {
      return;
    }
    const double now = Total(group);
    restarted |=
        use == MetricUse::kProcessStart ? std::abs(now - before->value) > 1 : now < before->value;
  });
  if (!restarted) return true;
  state->Cut();
  ++stats_.restarts;
  return true;
}

void MemoryMetrics::FeedTarget(const Resource* resource, const Target& target,
                               std::span<const Item> items, std::vector<CanonicalPoint>* out) {
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
  Emit({row, limit_ns, state.Find(row)->usable}, target, &state, out);
}

std::vector<MemoryMetrics::Candidate> MemoryMetrics::Values(std::span<const Item> items,
                                                            TargetState* state) {
  const auto table = MetricTable();
  std::vector<Candidate> sums;
  std::vector<InputValue> inputs;
  ForEachGroup(items, [&](std::span<const Item> group) {
    Candidate sum;
    if (!Sum(group, state, &sum)) return;
    const MetricRow& row = table[sum.row];
    if (row.use == MetricUse::kInput) inputs.push_back({row.input, sum.time_ns, sum.value});
    if (!RoleOf(row.use)) return;
    if (row.use == MetricUse::kRequests && !RequestRate(*state->Find(sum.row), &sum)) return;
    sums.push_back(sum);
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

// Makes requests a second of a count; false without an earlier count.
bool MemoryMetrics::RequestRate(const Source& source, Candidate* count) {
  if (source.value_ns != count->time_ns || source.previous_ns == 0) return false;
  const double seconds = static_cast<double>(source.value_ns - source.previous_ns) / kNsPerSecond;
  count->value = (source.value - source.previous) / seconds;
  return count->value >= 0;
}

bool MemoryMetrics::Sum(std::span<const Item> group, TargetState* state, Candidate* candidate) {
  const uint16_t row = group[0].row;
  const int64_t time_ns = group[0].time_ns;
  Source* source = state->Find(row);
  if (source == nullptr) source = &state->sources.emplace_back(Source{.row = row});
  *candidate = {row, time_ns, Total(group)};
  if (time_ns < source->time_ns) return group.size() >= source->expected_parts;
  if (time_ns > source->time_ns) {
    source->short_run = source->complete ? 0 : source->short_run + 1;
    source->parts.clear();
    source->time_ns = time_ns;
    source->complete = false;
  }
  for (const Item& item : group) {
    const auto known = std::find_if(source->parts.begin(), source->parts.end(),
                                    [&](const auto& part) { return part.first == item.part; });
    if (known != source->parts.end()) {
      known->second = item.value;
    } else if (source->parts.size() < options_.max_parts) {
      source->parts.emplace_back(item.part, item.value);
    } else {
      ++stats_.parts_refused;
    }
  }
  if (source->parts.size() < source->expected_parts && source->short_run < kShortGroupsAccepted) {
    ++stats_.incomplete;
    return false;
  }
  candidate->value = 0;
  for (const auto& [part, value] : source->parts) candidate->value += value;
  source->complete = true;
  source->expected_parts = source->parts.size();
  if (source->value_ns < time_ns) {
    source->previous_ns = source->value_ns;
    source->previous = source->value;
  }
  source->value_ns = time_ns;
  source->value = candidate->value;
  return true;
}

void MemoryMetrics::Choose(const std::vector<Candidate>& candidates, TargetState* state) {
  for (const Candidate& candidate : candidates) {
    Source* source = state->Find(candidate.row);
    if (candidate.time_ns < source->usable_ns) continue;
    source->usable_ns = candidate.time_ns;
    source->usable = candidate.value;
    state->last_ns = std::max(state->last_ns, candidate.time_ns);
  }
  const auto table = MetricTable();
  for (int r = 0; r < kSeriesRoles; ++r) {
    auto& role = state->roles[r];
    const int before = role.row;
    role.row = -1;
    for (const Source& source : state->sources) {
      const auto source_role = RoleOf(table[source.row].use);
      if (!source_role || static_cast<int>(*source_role) != r || source.usable_ns == 0) continue;
      if (source.usable_ns < state->last_ns - options_.source_timeout_ns) continue;
      const bool is_limit = *source_role == SeriesRole::kLimit;
      const Source* best = role.row < 0 ? nullptr : state->Find(static_cast<uint16_t>(role.row));
      if (best == nullptr ||
          (is_limit ? source.usable < best->usable : Better(source.row, best->row))) {
        role.row = source.row;
      }
    }
    if (before < 0 || role.row == before || static_cast<SeriesRole>(r) == SeriesRole::kLimit)
      continue;
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
