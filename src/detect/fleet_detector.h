// The metric level of the detector: which service and version leaks. Pure: event time only, the
// same points in the same order give the same verdicts at any speed. docs/detection.md, section 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "detect/verdict.h"

namespace tidemark {

enum class MetricKind : uint8_t {
  kHeap,         // bytes in use, with the collector's sawtooth
  kRss,          // bytes
  kLimit,        // bytes
  kActiveSpans,  // count
  kReqRate,      // requests per second
};

struct MetricPoint {
  double time_s = 0;  // event time, seconds since the epoch
  std::string_view service, version, instance;
  MetricKind metric = MetricKind::kHeap;
  double value = 0;
};

struct FleetLimits {
  size_t max_services = 4096;
  size_t max_versions_per_service = 64;
  size_t max_instances = 20'000;  // all services; about 8 KB each, after a day 15 KB
  size_t max_name_bytes = 256;    // of each name; longer ones are refused
  size_t max_closed_verdicts = 4096;
};

struct FleetCounters {
  uint64_t points = 0;              // taken
  uint64_t points_invalid = 0;      // time or value not finite, negative or absurd; names too long
  uint64_t points_late = 0;         // their block is gone
  uint64_t points_ahead = 0;        // over an hour ahead of their service, and outvoted
  uint64_t points_refused = 0;      // a limit of services, versions or instances was reached
  uint64_t instances_evicted = 0;   // idle
  uint64_t clock_jumps = 0;         // a service came back after over an hour
  uint64_t clock_resets = 0;        // a service's clock was wrong: its state was dropped
  uint64_t verdicts_forgotten = 0;  // closed ones beyond the limit
};

namespace detector {
class ServiceDetector;
}

// One thread at a time. Points come in arrival order; they may be late (about a minute without
// loss), repeated or out of order.
class FleetDetector {
 public:
  explicit FleetDetector(FleetLimits limits = {});
  ~FleetDetector();
  FleetDetector(const FleetDetector&) = delete;  // its services point into it
  FleetDetector& operator=(const FleetDetector&) = delete;

  void Add(const MetricPoint& point);

  // Judges blocks that have ended but still wait for late points. For the end of a recording;
  // adding may go on.
  void Finish();

  // Verdicts opened, updated or closed since the last call, in order of opening.
  std::vector<Verdict> TakeVerdicts();
  std::vector<Verdict> verdicts() const;

  FleetCounters counters() const;
  size_t services() const { return services_.size(); }
  size_t instances() const { return instances_; }

 private:
  struct NameHash {
    using is_transparent = void;
    size_t operator()(std::string_view name) const { return std::hash<std::string_view>{}(name); }
  };
  detector::ServiceDetector* ServiceOf(std::string_view name, double time_s);
  bool IsValid(const MetricPoint& point) const;
  void EvictIdleService(double time_s);

  FleetLimits limits_;
  FleetCounters counters_;
  VerdictBook book_;
  size_t instances_ = 0;
  detector::ServiceDetector* last_service_ = nullptr;  // of the last point; nullptr: none
  std::unordered_map<std::string, std::unique_ptr<detector::ServiceDetector>, NameHash,
                     std::equal_to<>>
      services_;
};

}  // namespace tidemark
