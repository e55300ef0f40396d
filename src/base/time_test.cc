#include "base/time.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(TimeTest, Rfc3339RoundTrips) {
  const int64_t time_ns = 1767225600'678'000'000;
  EXPECT_EQ(FormatRfc3339(time_ns), "2026-01-01T00:00:00.678Z");
  EXPECT_EQ(*ParseTime("2026-01-01T00:00:00.678Z"), time_ns);
  EXPECT_EQ(*ParseTime("2026-01-01T02:00:00.678+02:00"), time_ns);
  EXPECT_EQ(*ParseTime("1767225600"), 1767225600 * kNsPerSecond);
}

TEST(TimeTest, NonsenseIsNamed) {
  for (const char* text : {"", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T25:00:00Z",
                           "2026-01-01T00:00:00", "1e300", "nan"}) {
    const auto result = ParseTime(text);
    ASSERT_FALSE(result) << text;
    EXPECT_NE(result.error().message.find(text), std::string::npos);
  }
}

TEST(TimeTest, DurationsAreWrittenAsPrometheusWritesThem) {
  EXPECT_EQ(*ParseDuration("90s"), 90 * kNsPerSecond);
  EXPECT_EQ(*ParseDuration("1h30m"), 90 * kNsPerMinute);
  EXPECT_EQ(*ParseDuration("250ms"), kNsPerSecond / 4);
  for (const char* text : {"", "5", "m", "-5s", "9999999999999y"})
    EXPECT_FALSE(ParseDuration(text)) << text;
}

}  // namespace
}  // namespace tidemark
