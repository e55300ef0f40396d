// What one shard of ingest may hold and answer. Every limit that is crossed is counted by the class
// that keeps it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace tidemark {

struct IngestLimits {
  size_t max_body_bytes = 64 << 20;    // inflated; OTLP specification's default since v1.11.0
  size_t max_targets = 10'000;         // of one shard; the longest silent goes first
  size_t span_index_bytes = 64 << 20;  // of one shard: 1,048,576 spans
  int64_t span_index_ttl_ns = 10 * kNsPerMinute;  // event time
  size_t span_summary_bytes = 64 << 20;           // of one shard
  size_t max_routes_per_target = 256;             // further ones are counted under kOtherRoute
  size_t max_route_length = 200;                  // bytes; longer names are cut
  int64_t max_clock_skew_ns = 10 * kNsPerMinute;  // event time ahead of the wall clock
  int retry_after_overload_s = 1;                 // a queue is full
  int retry_after_unavailable_s = 5;              // a part is not ready, or the disk refuses
};

// The times that are taken: 1970 to 2116 (2^62 ns). Sums and differences of two of them are times
// too.
inline constexpr int64_t kMaxTimeNs = int64_t{1} << 62;
inline bool IsTime(int64_t time_ns) { return time_ns > 0 && time_ns <= kMaxTimeNs; }

// Stands for the names beyond a limit.
inline constexpr char kOtherRoute[] = "(other)";

// The latest event time a shard has seen. A sender's clock that runs ahead may not age out
// everybody else's data, so times further than `max_skew_ns` ahead of the wall clock are not
// followed. Not thread-safe.
class EventClock {
 public:
  explicit EventClock(int64_t max_skew_ns = 10 * kNsPerMinute) : max_skew_ns_(max_skew_ns) {}

  // Both in ns since the epoch; `wall_ns` is the wall clock now.
  void Observe(int64_t event_ns, int64_t wall_ns) {
    if (!IsTime(event_ns)) return;
    if (event_ns - max_skew_ns_ > wall_ns) {
      ++ahead_;
    } else if (event_ns > now_ns_) {
      now_ns_ = event_ns;
    }
  }

  int64_t now_ns() const { return now_ns_; }  // 0 before the first event
  uint64_t ahead() const { return ahead_; }   // events not followed

 private:
  int64_t max_skew_ns_;
  int64_t now_ns_ = 0;
  uint64_t ahead_ = 0;
};

}  // namespace tidemark
