// Which routes a growing heap grows with: growth of profile intervals explained by the requests
// served in them. Pure function; any thread. docs/detection.md, section 3.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tidemark {

// Growth of one instance between two of its profiles.
struct RouteInterval {
  uint32_t instance = 0;         // intervals of one instance must stand in order of time
  double growth_bytes = 0;       // may be negative
  std::vector<double> requests;  // [routes] served in the interval
};

struct RouteGrowth {
  std::string route;
  double bytes_per_request = 0;
  double standard_error = 0;  // of bytes_per_request; 0 when the route got none of the growth
  double growth_share = 0;    // of all attributed growth, 0 to 1
  double requests = 0;        // served in all intervals
};

struct RouteAttribution {
  std::vector<RouteGrowth> routes;  // largest share first; at most kMaxRoutes and one of the rest
  double r_squared =
      0;           // of the growth's variation from interval to interval, how much requests explain
  double lag = 0;  // of an interval, by which the profile lags the requests, 0 to 1
  size_t intervals = 0;
};

inline constexpr size_t kMaxRoutes = 64;       // the busiest; the rest is summed up as one
inline constexpr size_t kMaxIntervals = 8192;  // the newest
inline constexpr const char* kOtherRoutes = "(other routes)";

// What a profile shows.
enum class HeapView : uint8_t {
  kLive,       // the heap at the time of the profile (recorders of native allocations)
  kCollected,  // the heap at its last collection (Go and other collected runtimes)
};

// Non-negative least squares of growth on request counts: growth = sum of bytes_per_request *
// requests, none below 0.
//
// A few intervals under sampling noise cannot tell a dozen routes apart, so models are averaged by
// their evidence: each route alone, pairs, all. Few causes are preferred until the data show more,
// and routes that always move together share, with errors that say so (and a ridge of 1e-3 on
// scaled columns).
//
// kCollected: the counts are also tried shifted by parts of an interval, and since what one
// interval lacks the next one has, the residuals are taken as a moving average of first order
// (generalised least squares). Intervals must reach from one changed profile to the next.
//
// No routes, or fewer than 4 usable intervals: no routes in the answer. Intervals whose number of
// counts differs from that of routes, or with values that are not finite or counts below 0, are
// left out.
RouteAttribution AttributeGrowth(std::span<const std::string> routes,
                                 std::span<const RouteInterval> intervals, HeapView view);

}  // namespace tidemark
