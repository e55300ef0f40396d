#include "detect/least_squares.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tidemark {
namespace {

constexpr double kRidge = 1e-7;
constexpr double kSmallestPivot = 1e-9;
constexpr double kPriorPhi = 0.5;
constexpr double kPriorWeight = 12;  // residuals
constexpr double kLargestPhi = 0.96;

// A square matrix and the identity beside it, for Gauss-Jordan elimination.
using Augmented = std::array<std::array<double, 2 * kMaxTerms>, kMaxTerms>;

// Four sums run side by side: the compiler may not reorder one.
double Dot(std::span<const double> a, std::span<const double> b) {
  double sum[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= a.size(); i += 4) {
    for (size_t k = 0; k < 4; ++k) sum[k] += a[i + k] * b[i + k];
  }
  for (; i < a.size(); ++i) sum[0] += a[i] * b[i];
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// Turns the left half into the identity, hence the right half into the inverse. False: singular.
bool Invert(Augmented& m, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    size_t pivot = i;
    for (size_t r = i + 1; r < n; ++r) {
      if (std::abs(m[r][i]) > std::abs(m[pivot][i])) pivot = r;
    }
    if (!(std::abs(m[pivot][i]) >= kSmallestPivot)) return false;
    std::swap(m[i], m[pivot]);
    const double scale = 1 / m[i][i];
    for (size_t c = 0; c < 2 * n; ++c) m[i][c] *= scale;
    for (size_t r = 0; r < n; ++r) {
      const double factor = m[r][i];
      if (r == i || factor == 0) continue;
      for (size_t c = 0; c < 2 * n; ++c) m[r][c] -= factor * m[i][c];
    }
  }
  return true;
}

}  // namespace

std::optional<LinearFit> FitLeastSquares(std::span<const std::span<const double>> columns,
                                         std::span<const double> y) {
  const size_t n = columns.size();
  if (n == 0 || n > kMaxTerms) return std::nullopt;
  std::array<std::array<double, kMaxTerms>, kMaxTerms> normal{};
  std::array<double, kMaxTerms> length{}, right{};
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i; j < n; ++j) normal[i][j] = normal[j][i] = Dot(columns[i], columns[j]);
    length[i] = normal[i][i] > 0 ? std::sqrt(normal[i][i]) : 1.0;
    right[i] = Dot(columns[i], y);
  }
  Augmented m{};
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) m[i][j] = normal[i][j] / (length[i] * length[j]);
    m[i][i] += kRidge;
    m[i][n + i] = 1;
  }
  if (!Invert(m, n)) return std::nullopt;

  LinearFit fit;
  fit.terms = n;
  fit.residual.assign(y.begin(), y.end());
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j < n; ++j) {
      fit.inverse[i][j] = m[i][n + j] / (length[i] * length[j]);
      fit.coefficient[i] += fit.inverse[i][j] * right[j];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    const double c = fit.coefficient[i];
    for (size_t r = 0; r < y.size(); ++r) fit.residual[r] -= c * columns[i][r];
  }
  return fit;
}

ResidualNoise EstimateNoise(std::span<const double> residual, size_t terms) {
  const size_t n = residual.size();
  if (n == 0) return {};
  const double dof = n > terms ? static_cast<double>(n - terms) : 1.0;
  const double squares = Dot(residual, residual);
  double lagged = 0;
  for (size_t i = 1; i < n; ++i) lagged += residual[i] * residual[i - 1];
  double phi = squares > 0 ? lagged / squares : 0;
  const double rows = static_cast<double>(n);
  phi += (1 + 3 * std::max(0.0, phi)) / rows;
  phi = (phi * rows + kPriorPhi * kPriorWeight) / (rows + kPriorWeight);
  phi = std::clamp(phi, 0.0, kLargestPhi);
  return {squares / dof, (1 + phi) / (1 - phi)};
}

double MedianInPlace(std::span<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace tidemark
