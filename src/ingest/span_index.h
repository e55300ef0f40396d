// Which span was that, and has it ended? A bounded memory of the latest spans of one shard.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/time.h"
#include "ingest/ingest_limits.h"
#include "model/span.h"
#include "model/target.h"

namespace tidemark {

struct SpanIndexOptions {
  size_t max_bytes = 64 << 20;               // of everything the index holds
  int64_t ttl_ns = 10 * kNsPerMinute;        // event time
  int64_t max_ahead_ns = 10 * kNsPerMinute;  // of a span, before event time
  size_t max_routes_per_target = 256;
  size_t max_route_length = 200;  // bytes
};

// What is known of one span. A route is the span's http.route, or its name where it has none.
struct SpanInfo {
  TraceId trace_id;
  SpanId span_id = SpanId::kNone;
  TargetId target{};
  std::string_view route;  // until the next call that is not const
  int64_t start_ns = 0;
  int64_t end_ns = 0;  // 0 = not ended as far as we know
};

struct SpanIndexStats {
  uint64_t added = 0;
  uint64_t duplicates = 0;  // delivered twice
  uint64_t evicted_by_age = 0;
  uint64_t evicted_by_space = 0;
  uint64_t refused = 0;  // without an id, or not at a time (IsTime), or far ahead of event time
  uint64_t routes_folded = 0;  // spans counted under kOtherRoute
};

// A ring of entries in order of arrival, with a chained hash table over it and, per (target,
// route), a chain from the newest entry back. The oldest entry goes first: by age in Advance, or to
// make room in Add.
//
//   entry 56 bytes + bucket 4 bytes = 60; names and route records have the other 4: 64 bytes a
//   span, all told.
//
// Names are kept once, counted by the entries that use them and freed with the last of these, so
// names that come and go do not pile up. Not thread-safe: belongs to the thread of one shard.
class SpanIndex {
 public:
  static constexpr size_t kBytesPerSpan = 64;

  explicit SpanIndex(SpanIndexOptions options = {});

  // Remembers a span; end_ns = 0 for one that has only started, to be added again when it ends.
  // False for a span that was here already with an end (a repeated delivery) and for one that is
  // refused.
  bool Add(TargetId target, const Span& span);

  // Moves event time on and forgets entries that ended (started, when they have no end) before
  // time_ns - ttl_ns, and those more than max_ahead_ns after it, which would keep the entries
  // behind them alive.
  void Advance(int64_t time_ns);

  std::optional<SpanInfo> Find(SpanId id) const;

  // The newest `n` different traces of a route, newest arrival first; of all the target's routes
  // when `route` is empty (then by start, newest first). Looks at no more than 64 spans for each
  // trace it returns.
  std::vector<SpanInfo> RecentTraces(TargetId target, std::string_view route, size_t n) const;

  size_t size() const { return static_cast<size_t>(next_ - first_); }
  size_t capacity() const { return capacity_; }
  size_t memory_bytes() const;
  const SpanIndexStats& stats() const { return stats_; }

 private:
  struct Entry {
    uint64_t span_id = 0;
    TraceId trace_id;
    int64_t start_ns = 0;
    int64_t end_ns = 0;
    uint32_t route = 0;  // index into routes_
    uint32_t back = 0;   // distance to the route's entry before this one, 0 = none
    uint32_t chain = 0;  // next entry of the bucket: slot + 1, 0 = none
  };
  static_assert(sizeof(Entry) == 56);

  struct Route {
    TargetId target{};
    std::string name;
    uint64_t newest = 0;  // position of its newest entry
    uint32_t entries = 0;
  };

  Entry& At(uint64_t position) { return ring_[position % capacity_]; }
  const Entry& At(uint64_t position) const { return ring_[position % capacity_]; }
  uint32_t& BucketOf(uint64_t span_id);
  const Entry* FindEntry(uint64_t span_id) const;
  uint32_t RouteFor(TargetId target, std::string_view name);
  void EvictOldest();
  void Release(uint32_t route);
  SpanInfo InfoOf(const Entry& entry) const;
  void AppendTraces(const Route& route, size_t n, std::vector<SpanInfo>* out) const;

  SpanIndexOptions options_;
  SpanIndexStats stats_;
  size_t capacity_;
  size_t max_route_bytes_;
  std::vector<Entry> ring_;
  std::vector<uint32_t> buckets_;  // slot + 1 of the first entry, 0 = none
  uint64_t first_ = 0, next_ = 0;  // positions; the slot is position % capacity_

  std::vector<Route> routes_;
  std::vector<uint32_t> free_routes_;
  std::map<TargetId, std::map<std::string, uint32_t, std::less<>>> route_ids_;
  size_t route_bytes_ = 0;
};

}  // namespace tidemark
