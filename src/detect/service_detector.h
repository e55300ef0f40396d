// One service: its clock (a watermark on event time), its versions and instances, and the life of
// their incidents.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "detect/fleet_detector.h"
#include "detect/instance_series.h"
#include "detect/verdict.h"
#include "detect/version_judge.h"
#include "detect/version_path.h"

namespace tidemark::detector {

class ServiceDetector {
 public:
  // All but `name` are the fleet's and outlive this. `instances`: count over all services, kept up
  // to date.
  ServiceDetector(std::string name, const FleetLimits& limits, FleetCounters& counters,
                  VerdictBook& book, size_t& instances);
  ~ServiceDetector();
  ServiceDetector(const ServiceDetector&) = delete;
  ServiceDetector& operator=(const ServiceDetector&) = delete;

  void Add(const MetricPoint& point);
  void Finish();
  const std::string& name() const { return name_; }
  double watermark_s() const { return watermark_s_; }

 private:
  struct Version {
    std::string name;
    std::optional<VersionPath> path;                         // from its first full block on
    std::vector<std::unique_ptr<InstanceSeries>> instances;  // in order of arrival
    std::unordered_map<std::string_view, InstanceSeries*> by_name;
    std::vector<Contribution> touched;  // in the block being closed
    int streak = 0;                     // findings in a row
    uint64_t open = 0;                  // handle of its verdict, 0 = none
    int64_t confirmed_block = 0;
  };

  InstanceSeries* InstanceOf(const MetricPoint& point);
  InstanceSeries* FindOrAddInstance(const MetricPoint& point);
  Version* VersionOf(std::string_view name);
  bool MoveClock(double time_s);
  void StartClock(double time_s);
  void ResetClock(double time_s);
  void CloseBlocksBefore(double end_s);
  void CloseBlock(int64_t block);
  void EvictIdle(double idle_s);

  void Judge(Version& version, int64_t block);
  VersionQuestion QuestionFor(const Version& version, int64_t block) const;
  bool ByTroughs(int64_t block) const;
  void Open(Version& version, const Finding& finding, int64_t block);
  void Update(Version& version, const Finding& finding, int64_t block);
  void CloseQuiet(Version& version, int64_t block);

  std::string name_;
  const FleetLimits& limits_;
  FleetCounters& counters_;
  VerdictBook& book_;
  size_t& instance_count_;

  bool started_ = false;
  double first_s_ = 0, watermark_s_ = 0;
  int64_t next_block_ = 0;
  int votes_ahead_ = 0, votes_behind_ = 0;  // of points over an hour away, less those on time
  double ahead_first_s_ = 0;
  int64_t last_collection_block_ = INT64_MIN / 2;
  InstanceSeries* last_instance_ = nullptr;  // of the last point, with last_version_; nullptr: none
  std::string last_version_;
  std::deque<Version> versions_;  // in order of arrival; addresses are stable but for eviction
};

}  // namespace tidemark::detector
