// Turns the points of any runtime, collector or allocator into the series that detection reads.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ingest/canonical_point.h"
#include "ingest/memory_metric_table.h"
#include "ingest/metric_source.h"
#include "model/point.h"

namespace tidemark {

struct MemoryMetricsOptions {
  size_t max_targets = 10'000;  // the longest silent one goes first
  size_t max_parts =
      256;  // attribute sets summed into one value; further ones are counted and left out
  int64_t source_timeout_ns =
      600'000'000'000;  // a better source silent for so long gives way to a worse
  // What an application calls its allocator's properties -> the name of a row of MetricTable().
  std::vector<std::pair<std::string, std::string>> aliases;
};

struct MemoryMetricsStats {
  uint64_t points_in = 0;
  uint64_t points_unknown = 0;  // names that say nothing about memory: not an error
  uint64_t points_invalid = 0;  // not finite, negative, or without a time
  uint64_t points_out = 0;
  uint64_t duplicates = 0;     // delivered twice, dropped
  uint64_t incomplete = 0;     // values held back because some of their attribute sets were missing
  uint64_t parts_refused = 0;  // beyond max_parts
  uint64_t late = 0;           // batches of a run of the process that was already over, dropped
  uint64_t restarts = 0;
  uint64_t source_changes = 0;
  uint64_t targets_evicted = 0;
};

// The live heap behind the goal that Go's collector sets itself. With roots small,
//   goal = live + live * gogc / 100   (runtime/mgcpacer.go; GOGC=100: live = goal / 2).
// Roots (stacks, globals) are not reported and count as live: too high by at most roots * gogc /
// (100 + gogc). Negative where the formula does not hold: GOGC=off, the minimum heap (4 MiB * gogc
// / 100), or a goal so near the memory limit that the limit governs it (from 80 %, ours to choose:
// the runtime subtracts its overheads first). `limit_bytes` <= 0: none.
double LiveFromGoGoal(double goal_bytes, double gogc_percent, double limit_bytes);

// Per target and role the best source that reports is chosen (quality, then the table's order) and
// kept; sources are never mixed. A change of source and a restart of the process are marked in the
// next point (`begins_anew`). Points of one time that differ in attributes are summed; a sum that
// lacks attribute sets seen before waits for the rest of the split request, twice at most. `limit`
// is the lowest of all ceilings reported.
//
// Restarts are read from a changed pid, creation time, container id, restart count or pod uid of
// the resource, from process_start_time_seconds, and from uptimes and allocation counters that
// fall.
//
// Not thread-safe: belongs to the thread of one shard. About 1 KiB a target.
class MemoryMetrics {
 public:
  explicit MemoryMetrics(MemoryMetricsOptions options = {});
  ~MemoryMetrics();
  MemoryMetrics(MemoryMetrics&&) noexcept;
  MemoryMetrics& operator=(MemoryMetrics&&) noexcept;

  // Points by target and time. Their target is the batch's, but for senders that report many
  // containers (cAdvisor, kube-state-metrics): there it is {service: container, namespace,
  // instance: namespace.pod.container}.
  std::vector<CanonicalPoint> Feed(const MetricBatch& batch);

  // Whether this target reports the role itself, so that nobody need derive it.
  bool Reports(TargetId target, SeriesRole role) const;

  size_t targets() const;
  const MemoryMetricsStats& stats() const { return stats_; }

 private:
  struct Candidate;
  struct InputValue;
  struct TargetState;

  std::span<const uint16_t> RowsFor(const std::string& metric) const;
  std::vector<MetricItem> Collect(const MetricBatch& batch, std::vector<Target>* targets);
  void FeedTarget(const Resource* resource, const Target& target, std::span<const MetricItem> items,
                  std::vector<CanonicalPoint>* out);
  TargetState& Touch(const Target& target);
  // False when the items are of a former run.
  bool CutIfRestarted(const Resource* resource, std::span<const MetricItem> items,
                      TargetState* state);
  // The usable values of every role, by time.
  std::vector<Candidate> Values(std::span<const MetricItem> items, TargetState* state);
  int BestRow(const TargetState& state, SeriesRole role) const;
  void Choose(const std::vector<Candidate>& candidates, TargetState* state);
  void Emit(const Candidate& candidate, const Target& target, TargetState* state,
            std::vector<CanonicalPoint>* out);

  MemoryMetricsOptions options_;
  MemoryMetricsStats stats_;
  std::unordered_map<std::string, std::string> aliases_;
  std::unordered_map<uint64_t, std::unique_ptr<TargetState>> states_;
  std::list<uint64_t> by_use_;  // target ids, least recently fed first
};

}  // namespace tidemark
