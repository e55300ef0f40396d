// Spans as counts: what is kept of every span once the span itself is forgotten.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "ingest/canonical_point.h"
#include "ingest/ingest_limits.h"
#include "ingest/latency_sketch.h"
#include "ingest/span_activity.h"
#include "model/span.h"

namespace tidemark {

struct SpanSummaryOptions {
  size_t max_bytes = 64 << 20;  // of all targets and routes
  size_t max_targets = 10'000;  // the longest silent one goes first
  size_t max_routes_per_target = 256;
  size_t max_route_length = 200;        // bytes
  int64_t step_ns = 10 * kNsPerSecond;  // between points; whole seconds, at most 60
  int64_t lag_ns = 10 * kNsPerSecond;   // exporters hold spans back for 5 s by default
  int64_t silence_ns =
      10 * kNsPerMinute;  // of a target, after which no more points are made for it
};

// Totals of one route of one target since its first span.
struct RouteSummary {
  Target target;
  std::string route;  // http.route or rpc.method, "" where the spans have none
  std::string name;   // of the route's first span
  uint64_t ended = 0;
  uint64_t requests = 0;  // of `ended`: server and consumer spans, and roots of any kind
  uint64_t errors = 0;
  LatencySketch latency;              // of all ended
  int64_t first_ns = 0, last_ns = 0;  // ends of the first and last span, event time
};

struct RouteRequests {
  std::string_view route;  // or the name where there is none; until the next call that is not const
  double requests = 0;     // cumulative
};

struct SpanSummaryStats {
  uint64_t ended = 0;
  uint64_t requests = 0;
  uint64_t refused = 0;  // not at a time (IsTime), or ending before they start
  uint64_t ahead = 0;    // counted, but not in the rates: one time far ahead of the target's others
  uint64_t late = 0;     // counted, but too late for the rates
  uint64_t routes_folded = 0;  // spans counted under kOtherRoute
  uint64_t targets_evicted = 0;
};

// True for the spans that stand for a request: server and consumer spans, and roots.
bool IsRequest(const Span& span);

// Not thread-safe: belongs to the thread of one shard. A target takes about 2 KiB, a route
// about 1.2 KiB and its sketch (0.2 to 4.4 KiB).
class SpanSummary {
 public:
  static constexpr int64_t kHistorySteps = 180;  // 30 minutes of requests by route

  explicit SpanSummary(SpanSummaryOptions options = {});
  ~SpanSummary();
  SpanSummary(SpanSummary&&) noexcept;

  // Counts an ended span, once: give it the spans for which SpanIndex::Add said true.
  void Add(const Target& target, const Span& span);

  // Moves event time on. Returns req_rate and active_spans of every step that has become final, at
  // the step's end.
  std::vector<CanonicalPoint> Advance(int64_t time_ns);

  // All routes of the service, or of all services when `service` is empty; at most `max`.
  std::vector<RouteSummary> Routes(std::string_view service, size_t max = 100'000) const;

  // Requests by route from the target's first span up to `time_ns`, interpolated within a step.
  // Before the history begins: as at its beginning.
  std::vector<RouteRequests> RequestsAt(TargetId target, int64_t time_ns) const;

  uint64_t TotalEnded(std::string_view service) const;
  size_t targets() const { return states_.size(); }
  size_t memory_bytes() const { return bytes_; }
  const SpanSummaryStats& stats() const { return stats_; }

 private:
  struct Route;
  struct TargetState;

  TargetState& Touch(const Target& target);
  Route& RouteFor(const Span& span, TargetState* state);
  void EvictLongestSilent();
  void CountRates(const Span& span, bool is_request, TargetState* state, Route* route);
  void EmitDue(TargetState* state, std::vector<CanonicalPoint>* out);

  SpanSummaryOptions options_;
  SpanSummaryStats stats_;
  int64_t now_ns_ = 0;
  int64_t next_due_ns_ = 0;
  size_t bytes_ = 0;
  std::unordered_map<uint64_t, std::unique_ptr<TargetState>> states_;
  std::list<uint64_t> by_use_;  // target ids, longest silent first
};

}  // namespace tidemark
