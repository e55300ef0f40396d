#include "recorder/sampler.h"

#include <gtest/gtest.h>

#include <cmath>

namespace tidemark::recorder {
namespace {

// Statistical tests draw from fixed seeds, so they do not flicker; the bounds are 5 sigma, so that
// a right sampler with any other seed would fail one of them with a chance of 6e-7.
constexpr double kSigmas = 5;

TEST(SamplerTest, LogarithmAgreesWithLibm) {
  for (double x = 1; x > 1e-15; x *= 0.93) {
    EXPECT_NEAR(LogOfUnit(x), std::log(x), 1e-9 * std::fabs(std::log(x)) + 1e-12) << x;
  }
}

TEST(SamplerTest, OneMinusExpAgreesWithLibm) {
  for (double x = 1e-12; x < 100; x *= 1.07) {
    EXPECT_NEAR(OneMinusExp(x), -std::expm1(-x), 1e-9 * -std::expm1(-x)) << x;
  }
  EXPECT_EQ(OneMinusExp(0), 0);
}

TEST(SamplerTest, TheWorkedValueOfTheHeaderHolds) {
  EXPECT_NEAR(SampleProbability(64, 524288), 1.2206e-4, 1e-8);
  EXPECT_NEAR(64 / SampleProbability(64, 524288), 524320, 0.5);
}

TEST(SamplerTest, GapsHaveTheConfiguredMean) {
  constexpr int kDraws = 200'000;
  constexpr double kInterval = 524288;
  Random random{.state = 1};
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) sum += static_cast<double>(DrawGap(&random, kInterval));
  // Deviation of one exponential gap is its mean; rounding up adds half a byte.
  EXPECT_NEAR(sum / kDraws, kInterval + 0.5, kSigmas * kInterval / std::sqrt(kDraws));
}

TEST(SamplerTest, GapsHaveNoMemory) {
  constexpr int kDraws = 200'000;
  constexpr double kInterval = 10'000;
  Random random{.state = 2};
  int beyond_mean = 0;
  for (int i = 0; i < kDraws; ++i) beyond_mean += DrawGap(&random, kInterval) > kInterval;
  const double expected = std::exp(-1);
  EXPECT_NEAR(static_cast<double>(beyond_mean) / kDraws, expected,
              kSigmas * std::sqrt(expected * (1 - expected) / kDraws));
}

// Counts down as the hooks do, over mixed sizes, and compares the estimate of bytes with the truth.
TEST(SamplerTest, WeightedSamplesEstimateBytesWithoutBias) {
  constexpr double kInterval = 4096;
  constexpr uint64_t kSizes[] = {8, 64, 100, 1000, 4096, 50'000};
  Random random{.state = 3};
  uint64_t countdown = DrawGap(&random, kInterval);
  for (const uint64_t size : kSizes) {
    const uint64_t blocks = 40'000'000 / size;
    const double p = SampleProbability(size, kInterval);
    double estimate = 0;
    for (uint64_t i = 0; i < blocks; ++i) {
      const bool sampled = size >= countdown;
      countdown -= size;
      if (!sampled) continue;
      countdown = DrawGap(&random, kInterval);
      estimate += static_cast<double>(size) / p;
    }
    const double truth = static_cast<double>(blocks * size);
    const double deviation =
        std::sqrt(static_cast<double>(blocks) * (1 - p) / p) * static_cast<double>(size);
    EXPECT_NEAR(estimate, truth, kSigmas * deviation + 1e-6 * truth) << size;
  }
}

TEST(SamplerTest, ThinningTurnsASampleOfOneIntervalIntoOneOfTwice) {
  for (const uint64_t size : {1u, 64u, 4096u, 524288u, 5'000'000u}) {
    const double kept = SampleProbability(size, 524288) * KeepOnDoubling(size, 524288);
    EXPECT_NEAR(kept, SampleProbability(size, 2 * 524288), 1e-9 * kept) << size;
  }
}

}  // namespace
}  // namespace tidemark::recorder
