#include "scrape/schedule.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/hash.h"

namespace tidemark {
namespace {

constexpr int64_t kInterval = 15'000'000'000;

TEST(ScheduleTest, DueTimesFollowEachOtherAtTheIntervalOnTheTargetsOwnGrid) {
  for (uint64_t hash : {uint64_t{0}, uint64_t{1}, uint64_t{123456789012345}, UINT64_MAX}) {
    for (int64_t now :
         {int64_t{0}, int64_t{7}, int64_t{1'000'000'000'000}, int64_t{-20'000'000'000}}) {
      int64_t first = NextPullNs(hash, kInterval, 0, now);
      EXPECT_GT(first, now);
      EXPECT_LE(first, now + kInterval);
      EXPECT_EQ(NextPullNs(hash, kInterval, 0, first), first + kInterval);
      EXPECT_EQ(NextPullNs(hash, kInterval, 0, first + kInterval / 2), first + kInterval)
          << "a slow pull keeps the grid";
    }
  }
}

TEST(ScheduleTest, TargetsSpreadOverTheInterval) {
  std::vector<int> tenths(10);
  for (int i = 0; i < 10'000; ++i) {
    uint64_t hash = Hash64("http://10.0.0." + std::to_string(i) + "/metrics");
    ++tenths[static_cast<size_t>(NextPullNs(hash, kInterval, 0, 0) * 10 / (kInterval + 1))];
  }
  // Binomial(10000, 0.1): sigma 30; six sigmas each side.
  for (int count : tenths) {
    EXPECT_GT(count, 820);
    EXPECT_LT(count, 1180);
  }
}

TEST(ScheduleTest, FailuresDoubleTheIntervalUpToALimit) {
  EXPECT_EQ(BackedOffIntervalNs(kInterval, 0), kInterval);
  EXPECT_EQ(BackedOffIntervalNs(kInterval, 1), kInterval);
  EXPECT_EQ(BackedOffIntervalNs(kInterval, 2), 2 * kInterval);
  EXPECT_EQ(BackedOffIntervalNs(kInterval, 4), 8 * kInterval);
  EXPECT_EQ(BackedOffIntervalNs(kInterval, UINT64_MAX), kMaxBackoffNs);
  EXPECT_EQ(BackedOffIntervalNs(2 * kMaxBackoffNs, 5), 2 * kMaxBackoffNs)
      << "never shorter than the interval";
  for (uint64_t failures : {1u, 2u, 5u, 60u}) {
    int64_t wait = NextPullNs(777, kInterval, failures, 1'000'000) - 1'000'000;
    int64_t backed_off = BackedOffIntervalNs(kInterval, failures);
    EXPECT_GT(wait, backed_off - kInterval) << failures;
    EXPECT_LE(wait, backed_off) << failures;
  }
}

}  // namespace
}  // namespace tidemark
