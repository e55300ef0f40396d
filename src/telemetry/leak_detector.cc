#include "tidemark/leak_detector.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <string_view>

#include "detect/fleet_detector.h"

namespace tidemark::sdk {
namespace {

int64_t ToNs(double seconds) { return static_cast<int64_t>(seconds * 1e9); }

MetricKind KindOf(Series series) {
  switch (series) {
    case Series::kHeap:
      return MetricKind::kHeap;
    case Series::kRss:
      return MetricKind::kRss;
    case Series::kLimit:
      return MetricKind::kLimit;
    case Series::kActiveSpans:
      return MetricKind::kActiveSpans;
    case Series::kRequestRate:
      return MetricKind::kReqRate;
  }
  return MetricKind::kHeap;
}

LeakReport ReportOf(const Verdict& verdict) {
  LeakReport report;
  report.id = verdict.id;
  report.kind = verdict.kind;
  report.closed = verdict.closed_at_s != 0;
  report.onset_unix_ns = ToNs(verdict.onset_s);
  report.detected_unix_ns = ToNs(verdict.detected_at_s);
  report.updated_unix_ns = ToNs(std::max(verdict.updated_at_s, verdict.closed_at_s));
  report.bytes_per_hour = verdict.bytes_per_hour.value;
  report.low = verdict.bytes_per_hour.low;
  report.high = verdict.bytes_per_hour.high;
  report.confidence = verdict.confidence;
  report.limit_reached_unix_ns = ToNs(verdict.oom_eta_s);
  return report;
}

// One service, one version, one process.
constexpr FleetLimits kAlone{.max_services = 1,
                             .max_versions_per_service = 1,
                             .max_instances = 1,
                             .max_closed_verdicts = 16};

}  // namespace

struct LeakDetector::State {
  State(LeakDetectorOptions given, std::function<void(const LeakReport&)> callback)
      : options(std::move(given)), on_report(std::move(callback)) {}

  void Add(Series series, int64_t time_ns, double value) {
    detector.Add({static_cast<double>(time_ns) / 1e9, options.service, options.version,
                  options.instance, KindOf(series), value});
  }

  // Tells what changed, after the lock is given back.
  void Tell(std::unique_lock<std::mutex>* lock) {
    const std::vector<Verdict> changed = detector.TakeVerdicts();
    lock->unlock();
    if (!on_report) return;
    for (const Verdict& verdict : changed) on_report(ReportOf(verdict));
  }

  const LeakDetectorOptions options;
  const std::function<void(const LeakReport&)> on_report;
  std::mutex mutex;  // guards all below
  FleetDetector detector{kAlone};
  bool recorded = false;  // tidemark.heap.live was seen: the allocator's figure is not mixed in
};

LeakDetector::LeakDetector(LeakDetectorOptions options,
                           std::function<void(const LeakReport&)> on_report)
    : state_(std::make_unique<State>(std::move(options), std::move(on_report))) {}

LeakDetector::~LeakDetector() = default;

void LeakDetector::Observe(Series series, int64_t time_unix_ns, double value) {
  std::unique_lock lock(state_->mutex);
  state_->Add(series, time_unix_ns, value);
  state_->Tell(&lock);
}

void LeakDetector::Observe(const std::vector<MetricPoint>& points) {
  const auto series_of = [this](std::string_view name) -> std::optional<Series> {
    if (name == "tidemark.heap.live") return Series::kHeap;
    if (name == "tidemark.allocator.in_use" && !state_->recorded) return Series::kHeap;
    if (name == "process.memory.usage") return Series::kRss;
    if (name == "tidemark.memory.limit") return Series::kLimit;
    if (name == "tidemark.spans.active") return Series::kActiveSpans;
    return std::nullopt;
  };
  std::unique_lock lock(state_->mutex);
  for (const MetricPoint& point : points) state_->recorded |= point.name == "tidemark.heap.live";
  for (const MetricPoint& point : points) {
    if (const auto series = series_of(point.name)) {
      state_->Add(*series, point.time_unix_ns, point.value);
    }
  }
  state_->Tell(&lock);
}

LeakDetectorStats LeakDetector::stats() const {
  const std::lock_guard lock(state_->mutex);
  const FleetCounters counters = state_->detector.counters();
  return {counters.points, counters.points_invalid + counters.points_late + counters.points_ahead +
                               counters.points_refused};
}

}  // namespace tidemark::sdk
