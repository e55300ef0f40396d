#include "detect/least_squares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "detect/nonnegative.h"

namespace tidemark {
namespace {

std::vector<std::vector<double>> RandomColumns(std::mt19937& random, size_t columns, size_t rows) {
  std::normal_distribution<double> value(0, 1);
  std::vector<std::vector<double>> all(columns, std::vector<double>(rows));
  for (auto& column : all) {
    for (double& x : column) x = value(random);
  }
  return all;
}

std::vector<std::span<const double>> Spans(const std::vector<std::vector<double>>& columns) {
  return {columns.begin(), columns.end()};
}

TEST(LeastSquaresTest, FindsTheCoefficientsOfExactData) {
  for (uint32_t seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    const size_t terms = 1 + seed % kMaxTerms;
    const auto columns = RandomColumns(random, terms, 40);
    std::vector<double> y(40, 0.0);
    for (size_t c = 0; c < terms; ++c) {
      for (size_t r = 0; r < y.size(); ++r) y[r] += (static_cast<double>(c) - 1.5) * columns[c][r];
    }
    const auto fit = FitLeastSquares(Spans(columns), y);
    ASSERT_TRUE(fit);
    for (size_t c = 0; c < terms; ++c) {
      EXPECT_NEAR(fit->coefficient[c], static_cast<double>(c) - 1.5, 1e-5) << "seed " << seed;
    }
  }
}

TEST(LeastSquaresTest, ResidualsAreAtRightAnglesToTheColumns) {
  std::mt19937 random(1);
  const auto columns = RandomColumns(random, 3, 60), y = RandomColumns(random, 1, 60);
  const auto fit = FitLeastSquares(Spans(columns), y[0]);
  ASSERT_TRUE(fit);
  for (const auto& column : columns) {
    double dot = 0;
    for (size_t r = 0; r < 60; ++r) dot += column[r] * fit->residual[r];
    EXPECT_NEAR(dot, 0, 1e-4);
  }
}

TEST(LeastSquaresTest, CollinearColumnsGiveFiniteAnswersWithLargeErrors) {
  const std::vector<double> x{1, 2, 3, 4, 5}, y{2, 4, 6, 8, 10};
  const std::vector<std::span<const double>> columns{x, x};
  const auto fit = FitLeastSquares(columns, y);
  ASSERT_TRUE(fit);
  EXPECT_NEAR(fit->coefficient[0] + fit->coefficient[1], 2, 1e-5);
  EXPECT_GT(fit->inverse[0][0], 1e3);
}

TEST(LeastSquaresTest, NoColumnsOrTooManyHaveNoFit) {
  const std::vector<double> y{1, 2};
  EXPECT_FALSE(FitLeastSquares({}, y));
  const std::vector<std::span<const double>> many(kMaxTerms + 1, y);
  EXPECT_FALSE(FitLeastSquares(many, y));
}

TEST(NoiseTest, AutocorrelationInflates) {
  std::mt19937 random(2);
  std::normal_distribution<double> white(0, 1);
  std::vector<double> independent, correlated;
  double state = 0;
  for (int i = 0; i < 5000; ++i) {
    independent.push_back(white(random));
    state = 0.8 * state + white(random);
    correlated.push_back(state);
  }
  EXPECT_NEAR(EstimateNoise(independent, 1).inflation, 1, 0.1);
  EXPECT_NEAR(EstimateNoise(correlated, 1).inflation, 9, 1.5);  // (1 + 0.8) / (1 - 0.8)
  EXPECT_NEAR(EstimateNoise(independent, 1).variance, 1, 0.1);
}

TEST(MedianTest, IsTheUpperMiddle) {
  std::vector<double> none, one{3}, even{4, 1, 3, 2}, odd{5, 1, 3};
  EXPECT_EQ(MedianInPlace(none), 0);
  EXPECT_EQ(MedianInPlace(one), 3);
  EXPECT_EQ(MedianInPlace(even), 3);
  EXPECT_EQ(MedianInPlace(odd), 3);
}

// The conditions of Karush, Kuhn and Tucker: gradient 0 where b > 0, none that wants b up where b =
// 0.
TEST(NonNegativeTest, AnswersAreOptimal) {
  for (uint32_t seed = 0; seed < 100; ++seed) {
    std::mt19937 random(seed);
    const size_t n = 1 + seed % 12;
    const auto columns = RandomColumns(random, n, 30), y = RandomColumns(random, 1, 30);
    SquareMatrix a(n);
    std::vector<double> right(n, 0.0);
    for (size_t i = 0; i < n; ++i) {
      for (size_t r = 0; r < 30; ++r) right[i] += columns[i][r] * y[0][r];
      for (size_t j = 0; j < n; ++j) {
        for (size_t r = 0; r < 30; ++r) a.at(i, j) += columns[i][r] * columns[j][r];
      }
    }
    const auto b = SolveNonNegative(a, right);
    for (size_t i = 0; i < n; ++i) {
      double gradient = right[i];
      for (size_t j = 0; j < n; ++j) gradient -= a.at(i, j) * b[j];
      EXPECT_GE(b[i], 0);
      EXPECT_NEAR(b[i] > 0 ? gradient : std::max(0.0, gradient), 0, 1e-6) << "seed " << seed;
    }
  }
}

TEST(NonNegativeTest, InverseTimesMatrixIsTheIdentity) {
  std::mt19937 random(5);
  const auto rows = RandomColumns(random, 6, 6);
  SquareMatrix m(6);
  for (size_t i = 0; i < 6; ++i) {
    for (size_t j = 0; j < 6; ++j) m.at(i, j) = rows[i][j];
  }
  const auto inverse = Inverse(m);
  ASSERT_TRUE(inverse);
  for (size_t i = 0; i < 6; ++i) {
    for (size_t j = 0; j < 6; ++j) {
      double sum = 0;
      for (size_t k = 0; k < 6; ++k) sum += m.at(i, k) * inverse->at(k, j);
      EXPECT_NEAR(sum, i == j ? 1 : 0, 1e-9);
    }
  }
  EXPECT_FALSE(Inverse(SquareMatrix(3)));
}

}  // namespace
}  // namespace tidemark
