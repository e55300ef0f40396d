// Survivors: live bytes whose span ended more than a minute ago. A request's memory should die with
// the request; which route's does not, and goes on so, is told long before a trend can be
// (docs/detection.md, section 4). Pure; event time; belongs to one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "detect/stack_growth.h"
#include "diagnose/span_attribution.h"
#include "model/survivors.h"

namespace tidemark {

struct SurvivorRules {
  int64_t age_ns = 60'000'000'000;      // since the span's end: from then on a byte is a survivor
  int64_t settled_ns = 10'000'000'000;  // spans that ended later may not have been exported yet
  int64_t reach_ns = 600'000'000'000;   // of what ended before, only the sum counts
  // A route is suspect when, on one instance, all of these hold.
  double min_bytes = 4 << 20;             // survivors ...
  size_t min_samples = 12;                // ... in at least so many samples ...
  double min_share = 0.05;                // ... and this part of the live bytes;
  double max_span_share = 0.5;            // no single span holds more of them;
  int64_t min_range_ns = 15'000'000'000;  // their spans ended over at least this time;
  double min_quarter = 0.5;  // bytes a request in each quarter of the time, of the mean: it goes on
  double min_kept = 0.7;     // bytes a request of survivors to those of younger spans: it stays
  double min_rise = 0.5;     // risen since 10 to 60 s ago by this part of what grew old meanwhile,
                             // and never fallen in between
  // From here on a suspect route opens an incident: what a bounded cache may take to fill.
  double incident_bytes = 24 << 20;
};

// Requests of a route up to a moment; negative = not known.
using RouteRequestsAt = std::function<double(const std::string& route, int64_t time_ns)>;

// Live bytes of one profile by ended span.
struct EndedBytes {
  SpanFacts span;
  SpanId span_id = SpanId::kNone;
  uint64_t stack_id = 0;
  double bytes = 0, objects = 0;
};

struct SurvivorLimits {
  size_t max_instances = 256;  // beyond it the longest silent one is forgotten
  size_t max_routes = 64;      // of an instance; the lightest are left out and counted
  size_t max_points = 32;      // of a route's history
};

// One per service and version.
class Survivors {
 public:
  explicit Survivors(SurvivorRules rules = {}, SurvivorLimits limits = {})
      : rules_(rules), limits_(limits) {}

  // The ended spans of one profile, taken at `time_ns`; `inuse_bytes` is all that lives in it.
  void Add(const std::string& instance, int64_t time_ns, double inuse_bytes,
           std::vector<EndedBytes> ended, const RouteRequestsAt& requests);

  // Routes with survivors, heaviest first.
  std::vector<RouteSurvivors> Routes() const;

  // Of one instance, at most `max`.
  std::vector<RouteSurvivors> RoutesOf(const std::string& instance, size_t max) const;

  // The stacks behind suspect routes that are heavy enough for an incident, heaviest first; empty
  // without one. Growth is per instance.
  std::vector<GrowingStack> Judge() const;

  uint64_t routes_left_out() const { return routes_left_out_; }

 private:
  struct Level {
    int64_t time_ns = 0;
    double bytes = 0;
  };
  struct StackBytes {
    double bytes = 0, objects = 0;
  };
  // A route of one instance as its newest profile shows it.
  struct Route {
    RouteSurvivors now;  // of this instance alone
    std::map<uint64_t, StackBytes> stacks;
    std::deque<Level> levels;  // newest last
  };
  struct Instance {
    int64_t time_ns = 0;
    std::map<std::string, Route> routes;
  };

  std::vector<std::pair<std::string, const Instance*>> Present() const;
  Instance* InstanceOf(const std::string& name);
  void Update(int64_t time_ns, double inuse_bytes, std::vector<EndedBytes>* ended,
              const RouteRequestsAt& requests, Route* route) const;
  // Whether the rules hold; fills in growth and kept share as far as they can be told.
  bool IsSuspect(int64_t time_ns, double inuse_bytes, const std::vector<EndedBytes>& by_end,
                 const RouteRequestsAt& requests, Route* route) const;
  bool Rises(const Route& route, double bytes_per_ns) const;

  const SurvivorRules rules_;
  const SurvivorLimits limits_;
  std::map<std::string, Instance> instances_;
  uint64_t routes_left_out_ = 0;
};

}  // namespace tidemark
