// One line of POINTS.jsonl: {"t": epoch s, "service": s, "version": v, "instance": i, "metric": m,
// "value": x}.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "detect/fleet_detector.h"

namespace tidemark {

inline constexpr size_t kMaxPointLineBytes = 64 * 1024;

// Room for names that had escapes; reused from line to line.
struct PointLineScratch {
  std::string service, version, instance, metric, key, skipped;
};

// Keys in any order, each of the six required; other keys are skipped. The views of the answer
// point into `line` or `scratch`. Errors (invalid argument): not one JSON object, a key missing or
// of the wrong type, an unknown metric, nesting deeper than 8; the message names the place and the
// value.
Result<MetricPoint> ParsePointLine(std::string_view line, PointLineScratch& scratch);

}  // namespace tidemark
