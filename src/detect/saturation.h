// Does growth go on, or is it a cache, a warm-up, a heap finding its size? A straight line against
// the slowest credible saturating exponential.
#pragma once

#include <optional>
#include <span>

namespace tidemark::detector {

// A rise a (1 - exp(-t/tau)) keeps of its slope, from the first half of a window of T to the
// second, the share r0 = exp(-T / (2 tau)): 0.75 for T = 72 min and tau = 2 h. `contrast_z`: slope
// of the second half over r0 times that of the first, in standard errors; `late_z`: slope of the
// second half in its standard errors.
struct Saturation {
  double contrast_z = 0, late_z = 0;
};

struct SaturationInput {
  std::span<const double>
      rise;  // regressor of the growth: time, or the hinge with a flat history before it
  std::span<const double> late;  // max(0, time - middle)
  std::span<const double> y;     // load taken out
  double window_blocks = 0;
  double tau_s = 0;
  double variance = 0;         // of a residual, from the fit before; half of it is the least
  double floor = 0;            // added to the variance
  double walk_variance = 0;    // a block, from instances that come and go
  double wander_variance = 0;  // of the level: slow wander a short record cannot show
};

// nullopt: no solution.
std::optional<Saturation> TestSaturation(const SaturationInput& input);

}  // namespace tidemark::detector
