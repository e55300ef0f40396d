#include "ingest/otlp_errors.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

struct Case {
  const char* name;
  Error error;
  int http_status;
  int grpc_code;
  bool retries;
};

TEST(OtlpErrorsTest, EveryErrorHasTheCodesOfTheSpecification) {
  const Case cases[] = {
      {"malformed body", InvalidArgument("offset 3"), 400, 3, false},
      {"body too large", TooLarge("65 MiB"), 413, 8, false},
      {"queue full", Overloaded("shard 2"), 429, 8, true},
      {"store opening", Unavailable("store"), 503, 14, true},
      {"disk full", IoError("write"), 503, 14, true},
      {"unknown service", NotFound("/v1/foo"), 404, 12, false},
      {"damaged store", Corrupt("block 7"), 500, 13, false},
      {"our mistake", Internal("x"), 500, 13, false},
  };
  for (const Case& c : cases) {
    const WireStatus status = WireStatusOf(c.error);
    EXPECT_EQ(status.http_status, c.http_status) << c.name;
    EXPECT_EQ(status.grpc_code, c.grpc_code) << c.name;
    EXPECT_EQ(status.retry_after_s > 0, c.retries) << c.name;
    EXPECT_EQ(GrpcCodeOfHttp(status.http_status), c.grpc_code) << c.name;
  }
}

TEST(OtlpErrorsTest, RetryDelaysComeFromTheLimits) {
  IngestLimits limits;
  limits.retry_after_overload_s = 7;
  limits.retry_after_unavailable_s = 9;
  EXPECT_EQ(WireStatusOf(Overloaded("q"), limits).retry_after_s, 7);
  EXPECT_EQ(WireStatusOf(Unavailable("q"), limits).retry_after_s, 9);
}

TEST(EventClockTest, ASenderFarAheadDoesNotMoveTime) {
  EventClock clock(kNsPerMinute);
  clock.Observe(100 * kNsPerSecond, 100 * kNsPerSecond);
  clock.Observe(90 * kNsPerSecond, 100 * kNsPerSecond);
  EXPECT_EQ(clock.now_ns(), 100 * kNsPerSecond);
  clock.Observe(161 * kNsPerSecond, 100 * kNsPerSecond);
  EXPECT_EQ(clock.now_ns(), 100 * kNsPerSecond);
  EXPECT_EQ(clock.ahead(), 1u);
}

}  // namespace
}  // namespace tidemark
