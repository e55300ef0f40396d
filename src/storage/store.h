// What the server remembers: points, profiles, incidents, captures. One Store owns a data
// directory; any thread may call. Times are event times in ns since the epoch, ranges are [from_ns,
// to_ns), 0 for "open end".
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/point.h"
#include "model/profile.h"

namespace tidemark {

struct StoreOptions {
  std::string directory;
  int64_t commit_interval_ns = 100'000'000;  // group commit; at most 250 ms
  size_t max_pending_bytes = 64 << 20;  // queued, not yet committed; more is refused as overloaded
  size_t memory_limit_bytes = 512 << 20;  // of the engine
  int64_t retention_ns = 14LL * 24 * 3600 * 1'000'000'000;
  uint64_t max_disk_bytes = 64ULL << 30;  // the oldest partitions go first
  int64_t max_future_ns =
      24LL * 3600 * 1'000'000'000;  // what lies further ahead of the wall clock is dropped
  int64_t housekeeping_interval_ns = 10'000'000'000;     // between looks at retention and disk
  std::function<int64_t()> wall_clock_ns = WallClockNs;  // another one for tests
};

// One acknowledged unit: all of it is kept or none.
struct WriteUnit {
  std::vector<MetricBatch> metrics;
  std::vector<ProfileBatch> profiles;
};

// Empty strings match everything.
struct TargetFilter {
  std::string service, service_namespace, version, instance;
};

struct SeriesPoint {
  int64_t time_ns = 0;
  double value = 0;
};

struct Series {
  Target target;
  std::string metric, unit;
  Attributes attributes;
  std::vector<SeriesPoint> points;  // by time, one per time
};

struct SeriesQuery {
  TargetFilter filter;
  std::string metric;
  int64_t from_ns = 0, to_ns = 0;
  int64_t step_ns = 0;  // > 0: the mean of each step, at the step's start, a multiple of step_ns
  size_t max_points = 1'000'000;  // more is an error that says how to narrow the query
};

struct ProfileQuery {
  TargetFilter filter;
  int64_t from_ns = 0, to_ns = 0;
};

// Groups of growth: all targets of a version, one target, or all stacks a function stands in.
enum class GrowthBy : uint8_t { kVersion, kInstance, kFunction };

struct GrowthQuery {
  TargetFilter filter;
  GrowthBy by = GrowthBy::kVersion;
  int64_t from_ns = 0, to_ns = 0;
};

// In-use bytes of a group in the first and the last quarter of the range: per instance the mean of
// its profiles, summed over the instances that have profiles in both quarters (so that a deploy is
// not growth).
struct GrowthRow {
  Target target;         // kVersion: without instance; kFunction: empty
  std::string function;  // kFunction
  double first_bytes = 0, last_bytes = 0;
  double bytes_per_hour = 0;       // growth; kFunction: of the stacks that hold the function
  double self_bytes_per_hour = 0;  // kFunction: of the stacks whose leaf it is
  uint64_t instances = 0;          // compared
};

// What is known of a target that sent something.
struct TargetRow {
  Resource resource;
  int64_t first_seen_ns = 0, last_seen_ns = 0;  // event time
};

// Anything kept whole, by id: incidents and captures' descriptions are JSON.
struct Document {
  std::string kind, id, payload;
  int64_t updated_ns = 0;
};

struct StoreStats {
  uint64_t committed_points = 0, committed_profiles = 0, committed_samples = 0, commits = 0;
  uint64_t refused_units = 0;  // overloaded
  uint64_t late_points = 0;    // older than what is kept, or too far ahead of the clock; dropped
  uint64_t late_profiles = 0;  // the same
  uint64_t unusable_profiles = 0;    // without a heap value; dropped
  uint64_t failed_commits = 0;       // each refused its units as retryable
  uint64_t dropped_partitions = 0;   // by retention or the disk cap
  uint64_t failed_housekeeping = 0;  // looks at retention and disk that met an error
  uint64_t forgotten_targets = 0;    // more than the table of targets holds
  uint64_t quarantined_files = 0;    // damaged partitions set aside
  uint64_t pending_bytes = 0, disk_bytes = 0, partitions = 0;
};

class Store {
 public:
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options);
  virtual ~Store() = default;  // commits what is pending

  // `done` is called once from the writer's thread: with success only after the unit is on disk. A
  // unit that is refused (overloaded: retry later; larger than max_pending_bytes: never) is
  // answered at once, in the caller's thread. `done` must not wait for this store.
  virtual void Append(WriteUnit unit, std::function<void(Result<void>)> done) = 0;
  // The same, waiting.
  Result<void> AppendAndWait(WriteUnit unit);

  virtual Result<std::vector<Series>> ReadSeries(const SeriesQuery& query) = 0;

  // One profile for the whole range: per instance the mean of its profiles, summed over instances.
  // Sample types inuse_space, inuse_objects, alloc_space, alloc_objects. What is beyond the
  // heaviest stacks is one sample
  // "[other stacks]", so totals are whole. Labels trace_id and span_id only when the filter names
  // an instance. Not found when nothing matches.
  virtual Result<Profile> ReadProfile(const ProfileQuery& query) = 0;

  // The largest growth first, at most 10,000 rows. An empty result means that too little is known.
  virtual Result<std::vector<GrowthRow>> ReadGrowth(const GrowthQuery& query) = 0;

  // After a crash last_seen_ns is exact to a minute.
  virtual Result<std::vector<TargetRow>> ReadTargets() = 0;

  // Replaces the document of that kind and id; on disk when it returns. At most 16 MiB.
  virtual Result<void> PutDocument(const Document& document) = 0;
  virtual Result<std::vector<Document>> ReadDocuments(const std::string& kind) = 0;

  virtual StoreStats stats() const = 0;
};

}  // namespace tidemark
