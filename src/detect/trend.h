// Does a pooled path grow, beyond noise, load, saturation and steps? The heart of the metric level.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tidemark::detector {

// A path fitted jointly with the growth, so that what it explains is not growth.
struct Covariate {
  std::span<const double> path;  // [blocks]
  double level = 0;  // newest; > 0 makes it a load, which is granted an elasticity where it climbs
};

struct TrendQuestion {
  std::span<const int64_t> blocks;  // numbers, rising, may have holes
  std::span<const double> path;     // [blocks], bytes (or spans)
  std::vector<Covariate> covariates;
  double level = 0;  // newest, for materiality
  double min_z = 0;
  double min_rel_per_hour = 0;  // of the level
  double min_per_hour = 0;
  int min_window = 0;         // blocks
  int cold_window = 0;        // least window where no flat history stands before the growth
  bool always_cold = false;   // judge saturation as if there were no history
  double walk_variance = 0;   // per block, from turnover of instances
  double instances = 1;       // pooled lately
  double min_contrast_z = 0;  // 0: by maturity
};

struct Trend {
  double z = 0;
  int window = 0;        // blocks
  double per_block = 0;  // growth
  double error = 0;      // of it, one standard error
  int64_t onset_block = 0;
  bool mature = false;  // a flat history stands before the growth
};

// Fits a hinge at several look-backs, takes the most likely onset, then demands that growth since
// then (or over a shorter window) be significant, material, not explained by load, not saturating
// and not one jump. The longest window that passes is the answer.
std::optional<Trend> FindTrend(const TrendQuestion& question);

}  // namespace tidemark::detector
