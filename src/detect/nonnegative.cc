#include "detect/nonnegative.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace tidemark {
namespace {

constexpr int kMaxSweeps = 5000;
constexpr double kTolerance = 1e-10;

}  // namespace

std::vector<double> SolveNonNegative(const SquareMatrix& a, std::span<const double> y) {
  const size_t n = a.size;
  std::vector<double> b(n, 0.0);
  for (int sweep = 0; sweep < kMaxSweeps; ++sweep) {
    double moved = 0, largest = 0;
    for (size_t i = 0; i < n; ++i) {
      if (a.at(i, i) <= 0) continue;
      double gradient = y[i];
      for (size_t j = 0; j < n; ++j) gradient -= a.at(i, j) * b[j];
      const double next = std::max(0.0, b[i] + gradient / a.at(i, i));
      moved = std::max(moved, std::abs(next - b[i]));
      b[i] = next;
      largest = std::max(largest, next);
    }
    if (moved <= kTolerance * largest) break;
  }
  return b;
}

std::optional<SquareMatrix> Inverse(SquareMatrix m) {
  const size_t n = m.size;
  SquareMatrix inverse(n);
  for (size_t i = 0; i < n; ++i) inverse.at(i, i) = 1;
  for (size_t i = 0; i < n; ++i) {
    size_t pivot = i;
    for (size_t r = i + 1; r < n; ++r) {
      if (std::abs(m.at(r, i)) > std::abs(m.at(pivot, i))) pivot = r;
    }
    const double head = m.at(pivot, i);
    if (!(std::abs(head) > 1e-300)) return std::nullopt;
    for (size_t c = 0; c < n; ++c) {
      std::swap(m.at(i, c), m.at(pivot, c));
      std::swap(inverse.at(i, c), inverse.at(pivot, c));
      m.at(i, c) /= head;
      inverse.at(i, c) /= head;
    }
    for (size_t r = 0; r < n; ++r) {
      const double factor = m.at(r, i);
      if (r == i || factor == 0) continue;
      for (size_t c = 0; c < n; ++c) {
        m.at(r, c) -= factor * m.at(i, c);
        inverse.at(r, c) -= factor * inverse.at(i, c);
      }
    }
  }
  return inverse;
}

}  // namespace tidemark
