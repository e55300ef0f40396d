#include "ingest/span_summary.h"

#include <gtest/gtest.h>

#include <map>

namespace tidemark {
namespace {

constexpr int64_t kMs = 1'000'000;
constexpr int64_t kT0 = 1'700'000'000 * kNsPerSecond;  // a multiple of 10 s

const Target kShop = {"shop", "", "1.0.0", "a"};

Span MakeSpan(int64_t start_ns, int64_t duration_ns, std::string name = "GET /a",
              SpanKind kind = SpanKind::kServer) {
  Span span;
  span.span_id = SpanId{1};
  span.parent_id = SpanId{2};
  span.name = std::move(name);
  span.kind = kind;
  span.start_ns = start_ns;
  span.end_ns = start_ns + duration_ns;
  return span;
}

std::map<SeriesRole, std::map<int64_t, double>> ByRole(const std::vector<CanonicalPoint>& points) {
  std::map<SeriesRole, std::map<int64_t, double>> out;
  for (const CanonicalPoint& point : points) out[point.role][point.time_ns] = point.value;
  return out;
}

TEST(SpanSummaryTest, CountsByRouteOrNameWithErrorsAndLatency) {
  SpanSummary summary;
  for (int i = 0; i < 100; ++i) {
    Span span = MakeSpan(kT0, i < 90 ? 10 * kMs : 100 * kMs, "GET /user/" + std::to_string(i));
    span.route = "/user/{id}";
    span.error = i % 10 == 0;
    summary.Add(kShop, span);
  }
  summary.Add(kShop, MakeSpan(kT0, kMs, "render", SpanKind::kInternal));
  summary.Add({"other", "", "1", "b"}, MakeSpan(kT0, kMs));

  const auto routes = summary.Routes("shop");
  ASSERT_EQ(routes.size(), 2u);
  EXPECT_EQ(routes[0].route, "/user/{id}");
  EXPECT_EQ(routes[0].name, "GET /user/0");
  EXPECT_EQ(routes[0].ended, 100u);
  EXPECT_EQ(routes[0].requests, 100u);
  EXPECT_EQ(routes[0].errors, 10u);
  EXPECT_NEAR(static_cast<double>(routes[0].latency.Quantile(0.5)), 10 * kMs, 0.1 * kMs);
  EXPECT_NEAR(static_cast<double>(routes[0].latency.Quantile(0.99)), 100 * kMs, kMs);
  EXPECT_EQ(routes[1].route, "");
  EXPECT_EQ(routes[1].name, "render");
  EXPECT_EQ(routes[1].ended, 1u);
  EXPECT_EQ(routes[1].requests, 0u);
  EXPECT_EQ(summary.TotalEnded("shop"), 101u);
  EXPECT_EQ(summary.TotalEnded(""), 102u);
  EXPECT_EQ(summary.Routes("").size(), 3u);
}

TEST(SpanSummaryTest, RequestsAreServerConsumerAndRootSpans) {
  Span span = MakeSpan(kT0, 1);
  EXPECT_TRUE(IsRequest(span));
  span.kind = SpanKind::kConsumer;
  EXPECT_TRUE(IsRequest(span));
  for (const SpanKind kind : {SpanKind::kInternal, SpanKind::kClient, SpanKind::kProducer}) {
    span.kind = kind;
    span.parent_id = SpanId{2};
    EXPECT_FALSE(IsRequest(span));
    span.parent_id = SpanId::kNone;
    EXPECT_TRUE(IsRequest(span));
  }
}

TEST(SpanSummaryTest, RatesAreOfTheEventTimeWhateverTheSpeedOfReplay) {
  SpanSummary summary;
  // 20 requests a second of 2.5 s each: 50 active. Exported every 5 s, all of a minute in an
  // instant.
  std::vector<CanonicalPoint> points;
  for (int64_t second = 0; second < 60; ++second) {
    for (int64_t i = 0; i < 20; ++i) {
      summary.Add(kShop, MakeSpan(kT0 + second * kNsPerSecond + i * 50 * kMs, 2500 * kMs));
    }
    if (second % 5 == 4) {
      const auto more = summary.Advance(kT0 + (second + 3) * kNsPerSecond);
      points.insert(points.end(), more.begin(), more.end());
    }
  }
  auto series = ByRole(points);
  ASSERT_GE(series[SeriesRole::kReqRate].size(), 3u);
  EXPECT_EQ(series[SeriesRole::kReqRate].begin()->first, kT0 + 20 * kNsPerSecond);
  for (const auto& [time_ns, value] : series[SeriesRole::kReqRate]) {
    EXPECT_EQ(time_ns % (10 * kNsPerSecond), 0);
    EXPECT_DOUBLE_EQ(value, 20);
  }
  for (const auto& [time_ns, value] : series[SeriesRole::kActiveSpans])
    EXPECT_NEAR(value, 50, 1e-9);
  EXPECT_TRUE(points[0].begins_anew);
  EXPECT_FALSE(points[2].begins_anew);
}

TEST(SpanSummaryTest, ASilentTargetHasARateOfNothingThenNone) {
  SpanSummary summary({.silence_ns = kNsPerMinute});
  summary.Advance(kT0);
  summary.Add(kShop, MakeSpan(kT0, kMs));
  summary.Advance(kT0 + kNsPerSecond);
  auto series = ByRole(summary.Advance(kT0 + 56 * kNsPerSecond));
  ASSERT_EQ(series[SeriesRole::kReqRate].size(), 3u);  // the steps ending at 20, 30 and 40 s
  EXPECT_EQ(series[SeriesRole::kReqRate][kT0 + 40 * kNsPerSecond], 0);
  EXPECT_TRUE(summary.Advance(kT0 + kNsPerHour).empty());
}

TEST(SpanSummaryTest, AGapOfDaysMakesNoPointsForItself) {
  SpanSummary summary;
  summary.Advance(kT0);
  summary.Add(kShop, MakeSpan(kT0, kMs));
  const int64_t later = kT0 + 72 * kNsPerHour;
  summary.Advance(later);
  summary.Add(kShop, MakeSpan(later, kMs));
  summary.Add(kShop, MakeSpan(later, kMs));
  auto points = summary.Advance(later + kNsPerSecond);
  const auto more = summary.Advance(later + kNsPerMinute);
  points.insert(points.end(), more.begin(), more.end());
  EXPECT_EQ(points.size(), 6u);  // steps that end 20 to 40 s after the pause
  ASSERT_FALSE(points.empty());
  EXPECT_EQ(points[0].time_ns, later + 20 * kNsPerSecond);
  EXPECT_TRUE(points[0].begins_anew);
}

TEST(SpanSummaryTest, RequestsByRouteAtATime) {
  SpanSummary summary;
  for (int64_t second = 0; second < 600; ++second) {
    for (int i = 0; i < 4; ++i) summary.Add(kShop, MakeSpan(kT0 + second * kNsPerSecond, kMs, "a"));
    summary.Add(kShop, MakeSpan(kT0 + second * kNsPerSecond, kMs, "b"));
  }
  const auto at = [&](int64_t seconds) {
    std::map<std::string, double> out;
    for (const auto& each : summary.RequestsAt(IdOf(kShop), kT0 + seconds * kNsPerSecond)) {
      out[std::string(each.route)] = each.requests;
    }
    return out;
  };
  EXPECT_DOUBLE_EQ(at(0)["a"], 0);
  EXPECT_DOUBLE_EQ(at(100)["a"], 400);
  EXPECT_DOUBLE_EQ(at(105)["a"], 420);
  EXPECT_DOUBLE_EQ(at(600)["b"], 600);
  EXPECT_DOUBLE_EQ(at(9000)["b"], 600);
  EXPECT_TRUE(summary.RequestsAt(TargetId{1}, kT0).empty());
}

TEST(SpanSummaryTest, RequestHistoryReachesBackHalfAnHour) {
  SpanSummary summary;
  for (int64_t minute = 0; minute < 60; ++minute) {
    summary.Add(kShop, MakeSpan(kT0 + minute * kNsPerMinute, kMs, "a"));
  }
  const auto at = [&](int64_t minute) {
    return summary.RequestsAt(IdOf(kShop), kT0 + minute * kNsPerMinute)[0].requests;
  };
  EXPECT_DOUBLE_EQ(at(50), 50);
  EXPECT_DOUBLE_EQ(at(30), 30);
  EXPECT_DOUBLE_EQ(at(0), at(20));  // before the history begins: as at its beginning
}

TEST(SpanSummaryTest, EndlessRoutesAndTargetsStayWithinTheBytes) {
  SpanSummary summary({.max_bytes = 1 << 20, .max_targets = 50, .max_routes_per_target = 20});
  for (int i = 0; i < 20'000; ++i) {
    const Target target = {"shop", "", "1", std::to_string(i / 100)};
    summary.Add(target,
                MakeSpan(kT0 + i * kMs, (i % 1000 + 1) * kMs, "route " + std::to_string(i)));
  }
  EXPECT_LE(summary.targets(), 50u);
  EXPECT_LE(summary.memory_bytes(), (1u << 20) + (200u << 10));  // sketches may still grow
  EXPECT_EQ(summary.stats().ended, 20'000u);
  EXPECT_GT(summary.stats().routes_folded, 0u);
  EXPECT_GT(summary.stats().targets_evicted, 0u);
}

TEST(SpanSummaryTest, HostileTimesAreRefusedOrKeptOutOfTheRates) {
  SpanSummary summary;
  summary.Advance(kT0);
  summary.Add(kShop, MakeSpan(kT0, -5));
  summary.Add(kShop, MakeSpan(INT64_MIN, 0));
  summary.Add(kShop, MakeSpan(INT64_MAX, 0));
  summary.Advance(INT64_MIN);
  EXPECT_EQ(summary.stats().refused, 3u);
  summary.Add(kShop, MakeSpan(1, 1));  // 1970
  summary.Add(kShop, MakeSpan(kT0, kMs));
  summary.Add(kShop, MakeSpan(kT0 + 24 * kNsPerHour, 0));
  EXPECT_EQ(summary.stats().ahead, 1u);
  summary.Add(kShop, MakeSpan(kT0 - kNsPerHour, kMs));
  EXPECT_EQ(summary.stats().late, 1u);
  EXPECT_EQ(summary.TotalEnded("shop"), 4u);
}

TEST(SpanSummaryTest, AfterALongPauseRatesGoOnWithTheSecondSpan) {
  SpanSummary summary;
  summary.Advance(kT0);
  summary.Add(kShop, MakeSpan(kT0, kMs));
  const int64_t later = kT0 + kNsPerHour;
  for (int i = 0; i < 2; ++i) summary.Add(kShop, MakeSpan(later, kMs));
  for (int i = 0; i < 100; ++i) summary.Add(kShop, MakeSpan(later + 12 * kNsPerSecond, kMs));
  EXPECT_EQ(summary.stats().ahead, 1u);
  summary.Advance(later + 12 * kNsPerSecond);
  auto series = ByRole(summary.Advance(later + kNsPerMinute));
  EXPECT_DOUBLE_EQ(series[SeriesRole::kReqRate][later + 20 * kNsPerSecond], 10);
}

TEST(SpanActivityTest, ActiveSpansAreTheMeanOverTheTime) {
  const auto at = [](double seconds) { return static_cast<int64_t>(seconds * kNsPerSecond); };
  SpanActivity activity;
  EXPECT_TRUE(activity.Add(at(1000), at(1300.5), true));  // began before the window of 128 s
  for (int i = 0; i < 200; ++i) activity.Add(at(1290.25), at(1290.5), false);
  EXPECT_DOUBLE_EQ(activity.Over(1280, 1290)->active_spans, 1);
  EXPECT_DOUBLE_EQ(activity.Over(1290, 1300)->active_spans, 1 + 200 * 0.25 / 10);
  EXPECT_DOUBLE_EQ(activity.Over(1291, 1301)->active_spans, 0.95);
  EXPECT_DOUBLE_EQ(activity.Over(1291, 1301)->requests_per_second, 0.1);
  EXPECT_FALSE(activity.Over(1100, 1110));
  EXPECT_FALSE(activity.Add(at(1100), at(1101), true));
  activity.Advance(5000);
  EXPECT_DOUBLE_EQ(activity.Over(4990, 5000)->active_spans, 0);
}

}  // namespace
}  // namespace tidemark
