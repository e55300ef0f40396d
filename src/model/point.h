// Metric points: one value of one series at one event time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/target.h"

namespace tidemark {

enum class PointKind : uint8_t {
  kGauge,    // a level
  kCounter,  // cumulative since `start_ns`, never falls but by a restart
};

struct Point {
  std::string metric;     // as the sender named it
  Attributes attributes;  // the point's own, without the resource's
  std::string unit;       // UCUM as sent, may be empty
  PointKind kind = PointKind::kGauge;
  int64_t start_ns = 0;  // counters: when counting began; 0 = unknown
  int64_t time_ns = 0;   // event time
  double value = 0;
};

// Points of one sender.
struct MetricBatch {
  Resource resource;
  std::vector<Point> points;
};

}  // namespace tidemark
