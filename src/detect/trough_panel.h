// Growth of what collections leave behind, for runtimes whose collections are hours apart: only the
// level right after a collection is evidence. One slope for all lives of all instances, each with
// its own intercept (a panel regression).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "detect/instance_series.h"
#include "detect/trend.h"

namespace tidemark::detector {

struct PanelFit {
  double per_block = 0, error = 0;
  int degrees_of_freedom = 0;
  double span_blocks = 0;      // from the first trough to the last
  double spans_per_block = 0;  // slope of active spans on time, the load
};

// Troughs from `from_block` (exclusive) on; lives are told apart, or taken as one (`split_lives`
// false) where the caller passes the last life only. nullopt: under 4 degrees of freedom.
std::optional<PanelFit> FitPanel(std::span<const InstanceSeries* const> instances,
                                 int64_t from_block, bool last_life_only, double level);

struct TroughQuestion {
  std::vector<const InstanceSeries*> instances;
  int64_t block = 0;       // newest
  int64_t born_block = 0;  // of the version
  double level = 0, span_level = 0;
  double min_z = 0;  // 0: kMinZ, one more under 8 degrees of freedom
};

std::optional<Trend> FindTroughTrend(const TroughQuestion& question);

}  // namespace tidemark::detector
