#include "telemetry/retry.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace tidemark::sdk {
namespace {

constexpr RetryPolicy kPolicy{1'000'000'000, 30'000'000'000};

TEST(RetryTest, PausesDoubleUpToTheMostAndHalfIsJitter) {
  const int64_t seconds[] = {1, 2, 4, 8, 16, 30, 30};
  for (int i = 0; i < 7; ++i) {
    const int64_t most = seconds[i] * kNsPerSecond;
    EXPECT_EQ(BackoffNs(kPolicy, i + 1, 0), most);
    EXPECT_GE(BackoffNs(kPolicy, i + 1, UINT32_MAX), most / 2);
    EXPECT_LT(BackoffNs(kPolicy, i + 1, UINT32_MAX), most / 2 + 1000);
  }
  EXPECT_EQ(BackoffNs(kPolicy, 1'000'000, 0), kPolicy.max_ns);
}

TEST(RetryTest, RetryAfterIsSecondsOrADate) {
  const int64_t now = 784'111'777 * kNsPerSecond;  // Sun, 06 Nov 1994 08:49:37 GMT
  EXPECT_EQ(RetryAfterNs("7", now), 7 * kNsPerSecond);
  EXPECT_EQ(RetryAfterNs("Sun, 06 Nov 1994 08:49:47 GMT", now), 10 * kNsPerSecond);
  EXPECT_EQ(RetryAfterNs("Sun, 06 Nov 1994 08:49:07 GMT", now), 0) << "past";
  for (const char* nonsense : {"", "soon", "-3", "7 s", "7.5", "99999999999999999999"}) {
    EXPECT_EQ(RetryAfterNs(nonsense, now), 0) << nonsense;
  }
  EXPECT_GT(RetryAfterNs("9223372036854775807", now), 0) << "no overflow";
  EXPECT_GT(RetryAfterNs("Sun, 06 Nov 5994 08:49:37 GMT", now), 0) << "no overflow";
}

TEST(RetryTest, OnlyWhatMayWorkLaterIsTriedAgain) {
  for (int status : {408, 429, 502, 503, 504}) EXPECT_TRUE(IsRetryable(status)) << status;
  for (int status : {301, 400, 401, 404, 413, 500, 501})
    EXPECT_FALSE(IsRetryable(status)) << status;
}

}  // namespace
}  // namespace tidemark::sdk
