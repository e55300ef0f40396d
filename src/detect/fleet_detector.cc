#include "detect/fleet_detector.h"

#include <cmath>
#include <utility>

#include "detect/service_detector.h"

namespace tidemark {
namespace {

constexpr double kLatestTimeS = 1e11;  // the year 5138
constexpr double kLargestValue = 1e18;

}  // namespace

FleetDetector::FleetDetector(FleetLimits limits)
    : limits_(limits), book_(limits.max_closed_verdicts) {}
FleetDetector::~FleetDetector() = default;

bool FleetDetector::IsValid(const MetricPoint& point) const {
  return point.time_s >= 0 && point.time_s <= kLatestTimeS && point.value >= 0 &&
         point.value <= kLargestValue && point.service.size() <= limits_.max_name_bytes &&
         point.version.size() <= limits_.max_name_bytes &&
         point.instance.size() <= limits_.max_name_bytes;
}

// The service with the oldest watermark goes when it lies over an hour behind `time_s`.
void FleetDetector::EvictIdleService(double time_s) {
  auto oldest = services_.begin();
  for (auto it = services_.begin(); it != services_.end(); ++it) {
    if (it->second->watermark_s() < oldest->second->watermark_s()) oldest = it;
  }
  if (oldest != services_.end() && oldest->second->watermark_s() < time_s - 3600) {
    services_.erase(oldest);
  }
}

detector::ServiceDetector* FleetDetector::ServiceOf(std::string_view name, double time_s) {
  const auto known = services_.find(name);
  if (known != services_.end()) return known->second.get();
  if (services_.size() >= limits_.max_services) EvictIdleService(time_s);
  if (services_.size() >= limits_.max_services) return nullptr;
  auto service = std::make_unique<detector::ServiceDetector>(std::string(name), limits_, counters_,
                                                             book_, instances_);
  return services_.emplace(name, std::move(service)).first->second.get();
}

void FleetDetector::Add(const MetricPoint& point) {
  if (!IsValid(point)) {  // NaN fails every comparison
    ++counters_.points_invalid;
    return;
  }
  if (!last_service_ || last_service_->name() != point.service) {  // mostly the last one again
    last_service_ = ServiceOf(point.service, point.time_s);
  }
  if (!last_service_) {
    ++counters_.points_refused;
    return;
  }
  last_service_->Add(point);
}

void FleetDetector::Finish() {
  for (auto& [name, service] : services_) service->Finish();
}

std::vector<Verdict> FleetDetector::TakeVerdicts() { return book_.TakeChanged(); }

std::vector<Verdict> FleetDetector::verdicts() const { return book_.All(); }

FleetCounters FleetDetector::counters() const {
  FleetCounters counters = counters_;
  counters.verdicts_forgotten = book_.forgotten();
  return counters;
}

}  // namespace tidemark
