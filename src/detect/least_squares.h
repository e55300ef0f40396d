// Ordinary least squares on a handful of columns, and what autocorrelated residuals do to its
// errors. Pure functions; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace tidemark {

inline constexpr size_t kMaxTerms = 6;

// y = sum of coefficient[i] * column[i] + residual.
struct LinearFit {
  size_t terms = 0;
  std::array<double, kMaxTerms> coefficient{};
  // Inverse of the normal matrix X'X; times the residual variance it is the covariance of the
  // coefficients.
  std::array<std::array<double, kMaxTerms>, kMaxTerms> inverse{};
  std::vector<double> residual;  // [rows]
};

// Fits `y` [rows] on 1 to kMaxTerms columns [rows each]. Columns are scaled to unit length and 1e-7
// is added to the diagonal, so nearly collinear columns give a stable answer with honest, large
// errors. nullopt: no solution.
std::optional<LinearFit> FitLeastSquares(std::span<const std::span<const double>> columns,
                                         std::span<const double> y);

// How uncertain the residuals make a fit.
struct ResidualNoise {
  double variance = 0;  // of one residual
  double inflation =
      1;  // long-run over short-run variance: (1 + phi) / (1 - phi) for an AR(1) process
};

// Variance of the residuals (degrees of freedom: rows - terms) and their AR(1) inflation. phi is
// corrected for the bias of short records, (1 + 3 phi) / n (Kendall 1954), and shrunk to 0.5 as if
// 12 residuals had shown that.
ResidualNoise EstimateNoise(std::span<const double> residual, size_t terms);

// Median of `values`, which are reordered; for an even count the upper of the two in the middle. 0
// when empty.
double MedianInPlace(std::span<double> values);

}  // namespace tidemark
