#include "ingest/span_summary.h"

#include <algorithm>
#include <cstdlib>

namespace tidemark {
namespace {

constexpr int64_t kMaxAheadNs = 10 * kNsPerMinute;
// What lies behind a route and a target beside their own bytes: map nodes, list nodes, allocator
// headers.
constexpr size_t kRouteOverhead = 96;
constexpr size_t kTargetOverhead = 160;

int64_t FloorTo(int64_t value, int64_t step) { return value - value % step; }

}  // namespace

bool IsRequest(const Span& span) {
  return span.kind == SpanKind::kServer || span.kind == SpanKind::kConsumer ||
         span.parent_id == SpanId::kNone;
}

// Requests by step, in a ring that ends with `last_step`.
struct SpanSummary::Route {
  std::string route, name;
  uint64_t ended = 0, requests = 0, errors = 0;
  LatencySketch latency;
  int64_t first_ns = 0, last_ns = 0;
  int64_t last_step = 0;  // step number; 0 = none yet
  std::array<uint32_t, kHistorySteps> steps = {};

  uint32_t& At(int64_t step) { return steps[static_cast<size_t>(step % kHistorySteps)]; }
  uint32_t At(int64_t step) const { return steps[static_cast<size_t>(step % kHistorySteps)]; }

  void CountRequest(int64_t step) {
    if (step > last_step) {
      for (int64_t s = std::max(last_step + 1, step - kHistorySteps + 1); s <= step; ++s) At(s) = 0;
      last_step = step;
    }
    if (step > last_step - kHistorySteps) ++At(step);
  }

  // Requests up to `time_ns`.
  double RequestsAt(int64_t time_ns, int64_t step_ns) const {
    auto after = 0.0;
    const int64_t oldest = std::max<int64_t>(last_step - kHistorySteps + 1, 0);
    for (int64_t step = last_step; step >= oldest; --step) {
      const int64_t begin = step * step_ns;
      if (time_ns >= begin + step_ns) break;
      const auto share = time_ns <= begin ? 1.0
                                          : static_cast<double>(begin + step_ns - time_ns) /
                                                static_cast<double>(step_ns);
      after += share * At(step);
    }
    return static_cast<double>(requests) - after;
  }

  size_t Bytes() const {
    return sizeof(Route) + kRouteOverhead + 2 * (route.size() + name.size()) +
           latency.memory_bytes();
  }
};

struct SpanSummary::TargetState {
  Target target;
  std::map<std::string, Route, std::less<>> routes;
  SpanActivity activity;
  int64_t begin_ns = 0;        // first end seen, since the last long silence
  int64_t newest_ns = 0;       // latest end seen
  int64_t ahead_ns = 0;        // the last end far ahead of it
  int64_t newest_seen_ns = 0;  // the shard's event time at the Advance after it, 0 = not yet
  int64_t emitted_ns = 0;      // points were made up to here; 0 = none yet
  bool began_anew = true;
  std::list<uint64_t>::iterator use;

  size_t Bytes() const {
    return sizeof(TargetState) + kTargetOverhead +
           2 * (target.service.size() + target.instance.size());
  }
};

SpanSummary::SpanSummary(SpanSummaryOptions options) : options_(options) {}
SpanSummary::~SpanSummary() = default;
SpanSummary::SpanSummary(SpanSummary&&) noexcept = default;

void SpanSummary::EvictLongestSilent() {
  const auto found = states_.find(by_use_.front());
  bytes_ -= found->second->Bytes();
  for (const auto& [key, route] : found->second->routes) bytes_ -= route.Bytes();
  states_.erase(found);
  by_use_.pop_front();
  ++stats_.targets_evicted;
}

SpanSummary::TargetState& SpanSummary::Touch(const Target& target) {
  const auto id = static_cast<uint64_t>(IdOf(target));
  if (const auto found = states_.find(id); found != states_.end()) {
    by_use_.splice(by_use_.end(), by_use_, found->second->use);
    return *found->second;
  }
  auto state = std::make_unique<TargetState>();
  state->target = target;
  bytes_ += state->Bytes();
  while (!states_.empty() &&
         (states_.size() >= options_.max_targets || bytes_ > options_.max_bytes)) {
    EvictLongestSilent();
  }
  state->use = by_use_.insert(by_use_.end(), id);
  return *(states_[id] = std::move(state));
}

SpanSummary::Route& SpanSummary::RouteFor(const Span& span, TargetState* state) {
  const std::string& text = span.route.empty() ? span.name : span.route;
  std::string_view key = std::string_view(text).substr(0, options_.max_route_length);
  const auto known = state->routes.find(key);
  if (known != state->routes.end()) return known->second;
  const bool is_full = state->routes.size() >= options_.max_routes_per_target ||
                       bytes_ + sizeof(Route) > options_.max_bytes;
  Route route;
  if (is_full) {
    ++stats_.routes_folded;
    key = kOtherRoute;
    route.name = kOtherRoute;
  } else {
    route.route = span.route.substr(0, options_.max_route_length);
    route.name = span.name.substr(0, options_.max_route_length);
  }
  const auto [place, is_new] = state->routes.try_emplace(std::string(key), std::move(route));
  if (is_new) bytes_ += place->second.Bytes();
  return place->second;
}

void SpanSummary::Add(const Target& target, const Span& span) {
  if (!IsTime(span.start_ns) || !IsTime(span.end_ns) || span.end_ns < span.start_ns) {
    ++stats_.refused;
    return;
  }
  TargetState& state = Touch(target);
  Route& route = RouteFor(span, &state);
  const bool is_request = IsRequest(span);
  ++stats_.ended;
  ++route.ended;
  if (span.error) ++route.errors;
  if (is_request) {
    ++stats_.requests;
    ++route.requests;
  }
  const size_t sketch_bytes = route.latency.memory_bytes();
  route.latency.Add(span.end_ns - span.start_ns);
  bytes_ += route.latency.memory_bytes() - sketch_bytes;
  route.last_ns = std::max(route.last_ns, span.end_ns);
  if (route.first_ns == 0 || span.end_ns < route.first_ns) route.first_ns = span.end_ns;
  CountRates(span, is_request, &state, &route);
}

void SpanSummary::CountRates(const Span& span, bool is_request, TargetState* state, Route* route) {
  // One wild time must not move the target's window; a second one near it means that time has
  // passed.
  const bool is_ahead =
      state->newest_ns != 0 && span.end_ns - kMaxAheadNs > std::max(state->newest_ns, now_ns_);
  if (is_ahead && std::abs(span.end_ns - state->ahead_ns) > kMaxAheadNs) {
    state->ahead_ns = span.end_ns;
    ++stats_.ahead;
    return;
  }
  if (is_request) route->CountRequest(span.end_ns / options_.step_ns);
  const bool in_time = state->activity.Add(span.start_ns, span.end_ns, is_request);
  if (!in_time || span.end_ns < state->emitted_ns) ++stats_.late;
  if (state->newest_ns == 0 || span.end_ns - state->newest_ns > options_.silence_ns) {
    state->begin_ns = span.end_ns;
    state->emitted_ns = 0;
    state->began_anew = true;
  } else if (state->emitted_ns == 0) {
    state->begin_ns = std::min(state->begin_ns, span.end_ns);
  }
  if (span.end_ns <= state->newest_ns) return;
  state->newest_ns = span.end_ns;
  state->newest_seen_ns = 0;
}

std::vector<CanonicalPoint> SpanSummary::Advance(int64_t time_ns) {
  std::vector<CanonicalPoint> out;
  now_ns_ = std::clamp(time_ns, now_ns_, kMaxTimeNs);
  if (now_ns_ < next_due_ns_) return out;
  next_due_ns_ = now_ns_ + kNsPerSecond;
  for (auto& [id, state] : states_) EmitDue(state.get(), &out);
  return out;
}

// A target's own clock stands where its newest span ended and goes on with the shard's: its clock
// may be behind, and a target that falls silent has a rate of nothing, not none.
void SpanSummary::EmitDue(TargetState* state, std::vector<CanonicalPoint>* out) {
  if (state->newest_ns == 0) return;
  if (state->newest_seen_ns == 0) state->newest_seen_ns = now_ns_;
  const int64_t silence_ns = now_ns_ - state->newest_seen_ns;
  if (silence_ns > options_.silence_ns) return;
  const int64_t step_ns = options_.step_ns;
  const int64_t due_ns = FloorTo(state->newest_ns + silence_ns - options_.lag_ns, step_ns);
  if (state->emitted_ns == 0) {
    state->emitted_ns = FloorTo(state->begin_ns, step_ns) + step_ns;  // the first step is not whole
  }
  state->activity.Advance((state->newest_ns + silence_ns) / kNsPerSecond);
  const int64_t window_ns =
      (state->activity.last_second() + 1 - SpanActivity::kSeconds) * kNsPerSecond;
  if (state->emitted_ns < window_ns) {  // a gap in event time: what lies in it is not known
    state->emitted_ns = FloorTo(window_ns, step_ns) + step_ns;
    state->began_anew = true;
  }
  for (; state->emitted_ns + step_ns <= due_ns; state->emitted_ns += step_ns) {
    const int64_t end_ns = state->emitted_ns + step_ns;
    const auto rates =
        state->activity.Over(state->emitted_ns / kNsPerSecond, end_ns / kNsPerSecond);
    if (!rates) continue;
    out->push_back({state->target, SeriesRole::kReqRate, end_ns, rates->requests_per_second,
                    Quality::kSmoothed, "spans", state->began_anew});
    out->push_back({state->target, SeriesRole::kActiveSpans, end_ns, rates->active_spans,
                    Quality::kSmoothed, "spans", state->began_anew});
    state->began_anew = false;
  }
}

std::vector<RouteSummary> SpanSummary::Routes(std::string_view service, size_t max) const {
  std::vector<RouteSummary> out;
  for (const auto& [id, state] : states_) {
    if (!service.empty() && state->target.service != service) continue;
    for (const auto& [key, route] : state->routes) {
      if (out.size() == max) return out;
      out.push_back({state->target, route.route, route.name, route.ended, route.requests,
                     route.errors, route.latency, route.first_ns, route.last_ns});
    }
  }
  return out;
}

std::vector<RouteRequests> SpanSummary::RequestsAt(TargetId target, int64_t time_ns) const {
  std::vector<RouteRequests> out;
  const auto found = states_.find(static_cast<uint64_t>(target));
  if (found == states_.end()) return out;
  for (const auto& [key, route] : found->second->routes) {
    out.push_back({key, route.RequestsAt(time_ns, options_.step_ns)});
  }
  return out;
}

uint64_t SpanSummary::TotalEnded(std::string_view service) const {
  uint64_t total = 0;
  for (const auto& [id, state] : states_) {
    if (!service.empty() && state->target.service != service) continue;
    for (const auto& [key, route] : state->routes) total += route.ended;
  }
  return total;
}

}  // namespace tidemark
