// The few series that detection reads, whatever dialect they came in.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/target.h"

namespace tidemark {

enum class SeriesRole : uint8_t {
  kHeap,         // bytes in use on the heap: the best level this target offers
  kRss,          // bytes resident, of the process or its container
  kLimit,        // bytes: the lowest ceiling known
  kActiveSpans,  // spans started and not ended
  kReqRate,      // requests a second
};
inline constexpr int kSeriesRoles = 5;

// "heap", "rss", "limit", "active_spans", "req_rate": the names of the points file and the API.
std::string_view SeriesRoleName(SeriesRole role);

// How far a level can be trusted, ascending.
enum class Quality : uint8_t {
  kNoisy,     // saw-tooth of the collector, or caches included: only minima over windows mean
              // something
  kSmoothed,  // "live~": live after taking the minimum over at least two collections
  kLive,      // after a collection, or exact
};

struct CanonicalPoint {
  Target target;
  SeriesRole role = SeriesRole::kHeap;
  int64_t time_ns = 0;  // event time
  double value = 0;     // finite
  Quality quality = Quality::kNoisy;
  std::string_view source;  // the metric it was read from; lives for ever
  bool begins_anew =
      false;  // not comparable with earlier points: the process restarted or the source changed
};

}  // namespace tidemark
