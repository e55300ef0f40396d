// Least squares with coefficients that cannot be negative, for up to some dozens of columns.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace tidemark {

// Row-major square matrix.
struct SquareMatrix {
  explicit SquareMatrix(size_t n) : size(n), values(n * n, 0.0) {}
  double& at(size_t row, size_t column) { return values[row * size + column]; }
  double at(size_t row, size_t column) const { return values[row * size + column]; }
  size_t size;
  std::vector<double> values;
};

// Minimises b'Ab/2 - b'y over b >= 0 for a positive definite A, by coordinate descent (each step is
// exact in one coordinate; converges for every such A). At most 5000 sweeps.
std::vector<double> SolveNonNegative(const SquareMatrix& a, std::span<const double> y);

// Inverse by Gauss-Jordan with partial pivoting; nullopt: singular.
std::optional<SquareMatrix> Inverse(SquareMatrix m);

}  // namespace tidemark
