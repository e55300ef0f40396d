#include "ingest/latency_sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>

namespace tidemark {
namespace {

TEST(LatencySketchTest, QuantilesAreWithinOnePercentOfTheExact) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> durations(std::log(5e6), 1.5);  // around 5 ms
  LatencySketch sketch;
  std::vector<int64_t> exact;
  for (int i = 0; i < 20'000; ++i) {
    const auto ns = std::max<int64_t>(2000, std::llround(durations(random)));
    exact.push_back(ns);
    sketch.Add(ns);
  }
  std::sort(exact.begin(), exact.end());
  for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const auto rank = static_cast<size_t>(q * static_cast<double>(exact.size() - 1));
    const auto truth = static_cast<double>(exact[rank]);
    EXPECT_NEAR(static_cast<double>(sketch.Quantile(q)), truth, 0.0101 * truth) << q;
  }
  EXPECT_LE(sketch.memory_bytes(), 1102 * 4u);
}

TEST(LatencySketchTest, WorkedExampleOfTheHeader) {
  LatencySketch sketch;
  sketch.Add(1'000'000);
  EXPECT_NEAR(static_cast<double>(sketch.Quantile(0.5)), 1'002'400, 100);
}

TEST(LatencySketchTest, AnyDurationCostsBoundedMemory) {
  LatencySketch sketch;
  for (const int64_t ns : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1}, INT64_MAX})
    sketch.Add(ns);
  EXPECT_EQ(sketch.count(), 5u);
  EXPECT_EQ(sketch.memory_bytes(), LatencySketch::kMaxBuckets * 4);
  EXPECT_LE(sketch.Quantile(0.5), 1000);
}

TEST(LatencySketchTest, MergedIsAsIfAddedToOne) {
  LatencySketch a, b, both;
  for (int64_t ns = 1'000; ns < 1'000'000'000; ns = ns * 11 / 10) {
    (ns % 2 ? a : b).Add(ns);
    both.Add(ns);
  }
  a.Merge(b);
  EXPECT_EQ(a.count(), both.count());
  for (const double q : {0.1, 0.5, 0.99}) EXPECT_EQ(a.Quantile(q), both.Quantile(q));
}

TEST(LatencySketchTest, EmptyHasNoQuantile) { EXPECT_EQ(LatencySketch().Quantile(0.5), 0); }

}  // namespace
}  // namespace tidemark
