#include "detect/saturation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "detect/detector_settings.h"
#include "detect/least_squares.h"

namespace tidemark::detector {

std::optional<Saturation> TestSaturation(const SaturationInput& input) {
  const std::vector<double> ones(input.y.size(), 1.0);
  const std::array<std::span<const double>, 3> columns{ones, input.rise, input.late};
  const auto fit = FitLeastSquares(columns, input.y);
  if (!fit) return std::nullopt;
  const ResidualNoise noise = EstimateNoise(fit->residual, 3);
  const double scale =
      (std::max(noise.variance, 0.5 * input.variance) + input.floor) * noise.inflation;
  // Slope errors that the residuals of one window cannot show: a random walk of w a block gives a
  // half's slope 2.4 w / T, a slow wander of v gives 4 v / T^2.
  const double hidden = 2.4 * input.walk_variance / input.window_blocks +
                        4 * input.wander_variance / (input.window_blocks * input.window_blocks);
  const double first = fit->coefficient[1], bend = fit->coefficient[2];
  const auto& inverse = fit->inverse;
  const auto error_of = [&](double a) {  // standard error of a * first + bend
    const double fitted = a * a * inverse[1][1] + 2 * a * inverse[1][2] + inverse[2][2];
    return std::sqrt(std::max(1e-30, fitted * scale + hidden));
  };
  const double r0 =
      std::exp(-input.window_blocks * static_cast<double>(kBlockS) / (2 * input.tau_s));
  const double kept = 1 - r0;  // (first + bend) - r0 first = kept first + bend
  return Saturation{(kept * first + bend) / error_of(kept), (first + bend) / error_of(1)};
}

}  // namespace tidemark::detector
