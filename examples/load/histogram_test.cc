#include "histogram.h"

#include <gtest/gtest.h>

namespace load {
namespace {

TEST(HistogramTest, QuantilesAreWithinAPercent) {
  Histogram histogram;
  for (int64_t i = 1; i <= 10'000; ++i) histogram.Add(i * 10'000);
  EXPECT_EQ(histogram.count(), 10'000u);
  EXPECT_NEAR(static_cast<double>(histogram.Quantile(0.5)), 50e6, 0.5e6);
  EXPECT_NEAR(static_cast<double>(histogram.Quantile(0.99)), 99e6, 1e6);
  EXPECT_NEAR(static_cast<double>(histogram.Quantile(1)), 100e6, 1e6);
}

TEST(HistogramTest, ValuesOutsideCountAsTheBounds) {
  Histogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  histogram.Add(-5);
  histogram.Add(INT64_MAX);
  EXPECT_LT(histogram.Quantile(0.5), 1100);
  EXPECT_GT(histogram.Quantile(1), 100'000'000'000);
}

}  // namespace
}  // namespace load
