#include "diagnose/survivors.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace tidemark {
namespace {

constexpr size_t kMaxTraces = 10;
constexpr size_t kMaxStacks = 16;
constexpr size_t kMaxInstancesShown = 10;
constexpr int64_t kRiseAfterNs = 10'000'000'000;
constexpr int64_t kRiseWithinNs = 60'000'000'000;
// Weights tremble when the sampling interval doubles.
constexpr double kSlack = 0.95;
// An instance silent for so long no longer counts.
constexpr int64_t kSilentNs = 120'000'000'000;
constexpr double kNsPerHourAsDouble = 3600e9;

// Bytes whose span ended in [from_ns, to_ns).
double BytesBetween(const std::vector<EndedBytes>& by_end, int64_t from_ns, int64_t to_ns) {
  double bytes = 0;
  for (const EndedBytes& each : by_end) {
    if (each.span.end_ns >= from_ns && each.span.end_ns < to_ns) bytes += each.bytes;
  }
  return bytes;
}

// How much was asked of the route between two moments: requests, or time where they are unknown.
double Work(const RouteRequestsAt& requests, const std::string& route, int64_t from_ns,
            int64_t to_ns) {
  const double before = requests(route, from_ns), after = requests(route, to_ns);
  if (before >= 0 && after - before >= 1) return after - before;
  return static_cast<double>(to_ns - from_ns) / 1e9;
}

TraceEvidence TraceOf(const EndedBytes& each) {
  return {.trace_id = each.span.trace_id,
          .span_id = each.span_id,
          .route = each.span.route,
          .start_ns = each.span.start_ns,
          .duration_ns = each.span.end_ns - each.span.start_ns,
          .bytes = std::llround(each.bytes),
          .ended = true};
}

void KeepHeaviest(size_t max, std::vector<TraceEvidence>* traces) {
  std::sort(traces->begin(), traces->end(), [](const auto& a, const auto& b) {
    return a.bytes != b.bytes ? a.bytes > b.bytes : a.start_ns < b.start_ns;
  });
  if (traces->size() > max) traces->resize(max);
}

// One entry for each span, in no order.
std::vector<TraceEvidence> BySpan(const std::vector<EndedBytes>& entries) {
  std::map<uint64_t, TraceEvidence> spans;
  for (const EndedBytes& each : entries) {
    const auto [at, added] = spans.try_emplace(static_cast<uint64_t>(each.span_id), TraceOf(each));
    if (!added) at->second.bytes += std::llround(each.bytes);
  }
  std::vector<TraceEvidence> out;
  for (auto& [id, trace] : spans) out.push_back(std::move(trace));
  return out;
}

// One more instance of a route; growth and kept share are those of the one that grows most.
void AddInstance(const RouteSurvivors& one, bool first, RouteSurvivors* sum) {
  if (first || one.growth_bytes_per_hour.value > sum->growth_bytes_per_hour.value) {
    sum->growth_bytes_per_hour = one.growth_bytes_per_hour;
    sum->kept_share = one.kept_share;
  }
  sum->route = one.route;
  sum->bytes += one.bytes;
  sum->objects += one.objects;
  sum->ended_bytes += one.ended_bytes;
  if (first || one.oldest_end_ns < sum->oldest_end_ns) sum->oldest_end_ns = one.oldest_end_ns;
  sum->traces.insert(sum->traces.end(), one.traces.begin(), one.traces.end());
  KeepHeaviest(kMaxTraces, &sum->traces);
  if (!one.suspect) return;
  if (!sum->suspect || one.suspect_since_ns < sum->suspect_since_ns) {
    sum->suspect_since_ns = one.suspect_since_ns;
  }
  sum->suspect = true;
}

// The part `share` of a route's survivors that one stack allocated.
GrowingStack StackOf(uint64_t id, const RouteSurvivors& route, double share, double objects,
                     int64_t time_ns) {
  const Estimate& growth = route.growth_bytes_per_hour;
  GrowingStack stack;
  stack.stack_id = id;
  stack.level = GrowthLevel::kFast;
  stack.evidence = RequestEvidence::kEndedSpans;
  stack.growth_bytes_per_hour = {growth.value * share, growth.low * share, growth.high * share};
  stack.onset_ns = stack.window_start_ns = route.oldest_end_ns;
  stack.window_end_ns = time_ns;
  stack.retained_share = route.kept_share;
  stack.growth_bytes = stack.inuse_bytes = share * static_cast<double>(route.bytes);
  stack.inuse_objects = objects;
  // The width of the interval says how well the rate is known, and a minute is little time to know
  // that nothing ends it: 24 MiB in samples of 64 KiB have low / value = 0.9, so 0.9 x 0.9 = 0.81.
  stack.confidence = growth.value <= 0 ? 0 : 0.9 * growth.low / growth.value;
  return stack;
}

}  // namespace

Survivors::Instance* Survivors::InstanceOf(const std::string& name) {
  if (!instances_.contains(name) && instances_.size() >= limits_.max_instances) {
    instances_.erase(std::min_element(
        instances_.begin(), instances_.end(),
        [](const auto& a, const auto& b) { return a.second.time_ns < b.second.time_ns; }));
  }
  return &instances_[name];
}

void Survivors::Add(const std::string& name, int64_t time_ns, double inuse_bytes,
                    std::vector<EndedBytes> ended, const RouteRequestsAt& requests) {
  Instance* instance = InstanceOf(name);
  if (time_ns <= instance->time_ns) return;  // late
  instance->time_ns = time_ns;
  std::map<std::string, std::vector<EndedBytes>> by_route;
  for (EndedBytes& each : ended) {
    if (each.bytes > 0) by_route[each.span.route].push_back(std::move(each));
  }
  std::erase_if(instance->routes,
                [&](const auto& route) { return !by_route.contains(route.first); });
  for (auto& [route_name, entries] : by_route) {
    if (!instance->routes.contains(route_name) && instance->routes.size() >= limits_.max_routes) {
      ++routes_left_out_;
      continue;
    }
    Route& route = instance->routes[route_name];
    route.now.route = route_name;
    Update(time_ns, inuse_bytes, &entries, requests, &route);
  }
}

void Survivors::Update(int64_t time_ns, double inuse_bytes, std::vector<EndedBytes>* entries,
                       const RouteRequestsAt& requests, Route* route) const {
  std::sort(entries->begin(), entries->end(),
            [](const auto& a, const auto& b) { return a.span.end_ns < b.span.end_ns; });
  RouteSurvivors& now = route->now;
  double bytes = 0, objects = 0, all = 0;
  std::vector<EndedBytes> old;
  route->stacks.clear();
  for (const EndedBytes& each : *entries) {
    all += each.bytes;
    if (each.span.end_ns > time_ns - rules_.age_ns) continue;
    bytes += each.bytes;
    objects += each.objects;
    StackBytes& stack = route->stacks[each.stack_id];
    stack.bytes += each.bytes;
    stack.objects += each.objects;
    old.push_back(each);
  }
  now.bytes = std::llround(bytes);
  now.objects = std::llround(objects);
  now.ended_bytes = std::llround(all);
  now.oldest_end_ns = old.empty() ? 0 : old.front().span.end_ns;
  now.traces = BySpan(old);
  KeepHeaviest(kMaxTraces, &now.traces);
  route->levels.push_back({time_ns, bytes});
  if (route->levels.size() > limits_.max_points) route->levels.pop_front();
  const bool suspect = IsSuspect(time_ns, inuse_bytes, *entries, requests, route);
  if (suspect && !now.suspect) now.suspect_since_ns = time_ns;
  if (!suspect) now.suspect_since_ns = 0;
  now.suspect = suspect;
}

bool Survivors::IsSuspect(int64_t time_ns, double inuse_bytes,
                          const std::vector<EndedBytes>& by_end, const RouteRequestsAt& requests,
                          Route* route) const {
  RouteSurvivors& now = route->now;
  now.kept_share = 0;
  now.growth_bytes_per_hour = {};
  const int64_t old_ns = time_ns - rules_.age_ns, settled_ns = time_ns - rules_.settled_ns;
  const int64_t first_ns = std::max(by_end.front().span.end_ns, time_ns - rules_.reach_ns);
  if (old_ns - first_ns < rules_.min_range_ns) return false;

  // Quarters of the time in which the spans ended: two of survivors, two of younger ones.
  const std::array<int64_t, 5> edges = {first_ns, (first_ns + old_ns) / 2, old_ns,
                                        (old_ns + settled_ns) / 2, settled_ns};
  std::array<double, 4> bytes, work;
  for (size_t i = 0; i < 4; ++i) {
    bytes[i] = BytesBetween(by_end, edges[i], edges[i + 1]);
    work[i] = Work(requests, now.route, edges[i], edges[i + 1]);
  }
  const double old = bytes[0] + bytes[1], young = bytes[2] + bytes[3];
  const double old_work = work[0] + work[1], young_work = work[2] + work[3];
  if (young > 0) now.kept_share = std::min(1.0, old / old_work / (young / young_work));
  const double mean = (old + young) / (old_work + young_work);
  double squares = 0;
  size_t samples = 0;
  for (const EndedBytes& each : by_end) {
    if (each.span.end_ns < first_ns || each.span.end_ns >= old_ns) continue;
    squares += each.bytes * each.bytes;
    ++samples;
  }
  const double range_ns = static_cast<double>(old_ns - first_ns);
  const double per_hour = kNsPerHourAsDouble / range_ns;
  const double error = 1.96 * std::sqrt(squares);
  now.growth_bytes_per_hour = {old * per_hour, std::max(0.0, old - error) * per_hour,
                               (old + error) * per_hour};

  const bool material = old >= rules_.min_bytes && samples >= rules_.min_samples &&
                        old >= rules_.min_share * inuse_bytes;
  const double heaviest = now.traces.empty() ? 0 : static_cast<double>(now.traces.front().bytes);
  bool goes_on = true;
  for (size_t i = 0; i < 4; ++i) goes_on &= bytes[i] >= rules_.min_quarter * mean * work[i];
  return material && heaviest <= rules_.max_span_share * old && goes_on &&
         now.kept_share >= rules_.min_kept && Rises(*route, old / range_ns);
}

// Against the profile of 10 to 60 s ago: what grew old since is there, and nothing was given back.
bool Survivors::Rises(const Route& route, double bytes_per_ns) const {
  const Level& last = route.levels.back();
  bool rises = false;
  for (const Level& level : route.levels) {
    const int64_t since_ns = last.time_ns - level.time_ns;
    if (since_ns > kRiseWithinNs) continue;
    if (kSlack * level.bytes > last.bytes) return false;
    if (since_ns < kRiseAfterNs) continue;
    rises |=
        last.bytes - level.bytes >= rules_.min_rise * bytes_per_ns * static_cast<double>(since_ns);
  }
  return rises;
}

// Silent instances have probably ended.
std::vector<std::pair<std::string, const Survivors::Instance*>> Survivors::Present() const {
  int64_t newest_ns = 0;
  for (const auto& [name, instance] : instances_) newest_ns = std::max(newest_ns, instance.time_ns);
  std::vector<std::pair<std::string, const Instance*>> present;
  for (const auto& [name, instance] : instances_) {
    if (instance.time_ns >= newest_ns - kSilentNs) present.emplace_back(name, &instance);
  }
  return present;
}

std::vector<RouteSurvivors> Survivors::Routes() const {
  struct Sum {
    RouteSurvivors route;
    std::vector<std::pair<int64_t, std::string>> holders;  // negative bytes, instance
  };
  std::map<std::string, Sum> sums;
  for (const auto& [instance, state] : Present()) {
    for (const auto& [name, route] : state->routes) {
      if (route.now.bytes <= 0) continue;
      Sum& sum = sums[name];
      AddInstance(route.now, sum.holders.empty(), &sum.route);
      sum.holders.emplace_back(-route.now.bytes, instance);
    }
  }
  std::vector<RouteSurvivors> out;
  for (auto& [name, sum] : sums) {
    std::sort(sum.holders.begin(), sum.holders.end());
    for (const auto& [bytes, instance] : sum.holders) {
      if (sum.route.instances.size() == kMaxInstancesShown) break;
      sum.route.instances.push_back(instance);
    }
    out.push_back(std::move(sum.route));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return out;
}

std::vector<RouteSurvivors> Survivors::RoutesOf(const std::string& instance, size_t max) const {
  std::vector<RouteSurvivors> out;
  const auto known = instances_.find(instance);
  if (known == instances_.end()) return out;
  for (const auto& [name, route] : known->second.routes) out.push_back(route.now);
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  if (out.size() > max) out.resize(max);
  return out;
}

std::vector<GrowingStack> Survivors::Judge() const {
  std::map<uint64_t, GrowingStack> stacks;
  double whole = 0;
  const auto present = Present();
  for (const auto& [instance, state] : present) {
    for (const auto& [name, route] : state->routes) {
      const RouteSurvivors& now = route.now;
      if (!now.suspect || static_cast<double>(now.bytes) < rules_.incident_bytes) continue;
      whole = std::max(whole, now.growth_bytes_per_hour.value);
      for (const auto& [id, bytes] : route.stacks) {
        GrowingStack& stack = stacks[id];
        stack.instances.push_back(instance);
        const double share = bytes.bytes / static_cast<double>(now.bytes);
        if (now.growth_bytes_per_hour.value * share <= stack.growth_bytes_per_hour.value) continue;
        std::vector<std::string> instances = std::move(stack.instances);
        stack = StackOf(id, now, share, bytes.objects, state->time_ns);
        stack.instances = std::move(instances);
      }
    }
  }
  std::vector<GrowingStack> out;
  for (auto& [id, stack] : stacks) {
    stack.share = whole <= 0 ? 0 : stack.growth_bytes_per_hour.value / whole;
    stack.instances_growing = static_cast<int>(stack.instances.size());
    stack.instances_total = static_cast<int>(present.size());
    out.push_back(std::move(stack));
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.growth_bytes_per_hour.value > b.growth_bytes_per_hour.value;
  });
  if (out.size() > kMaxStacks) out.resize(kMaxStacks);
  return out;
}

}  // namespace tidemark
