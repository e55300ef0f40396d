#include "scrape/prometheus_text.h"

#include <gtest/gtest.h>

#include <random>

namespace tidemark {
namespace {

constexpr int64_t kNow = 1'800'000'000'000'000'000;
constexpr auto kProm = TextFormat::kPrometheus;
constexpr auto kOm = TextFormat::kOpenMetrics;

Result<MetricsPage> Parse(std::string_view page, TextFormat format = kProm,
                          TextOptions options = {}) {
  options.scrape_time_ns = kNow;
  return ParseMetricsPage(page, format, options);
}

TEST(PrometheusTextTest, ReadsTheExampleOfTheFormatsDescription) {
  auto page = Parse(R"(# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1800000000500
http_requests_total{method="post",code="400"}    3 1800000000500

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9

# Minimalistic line:
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045

# A histogram:
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320

# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile="0.5",} 4773
rpc_duration_seconds_sum 1.7560473e+07
rpc_duration_seconds_count 2693
)");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->samples, 12u + 0u);
  EXPECT_EQ(page->distributions, 3u);
  EXPECT_EQ(page->not_finite, 1u);
  ASSERT_EQ(page->points.size(), 8u);
  const auto& points = page->points;
  EXPECT_EQ(points[0].metric, "http_requests_total");
  EXPECT_EQ(points[0].attributes, (Attributes{{"code", "200"}, {"method", "post"}}));
  EXPECT_EQ(points[0].kind, PointKind::kCounter);
  EXPECT_EQ(points[0].value, 1027);
  EXPECT_EQ(points[0].time_ns, kNow + 500'000'000);
  EXPECT_EQ(points[2].attributes, (Attributes{{"error", "Cannot find file:\n\"FILE.TXT\""},
                                              {"path", "C:\\DIR\\FILE.TXT"}}));
  EXPECT_EQ(points[2].kind, PointKind::kGauge);
  EXPECT_EQ(points[2].time_ns, kNow);
  EXPECT_EQ(points[3].value, 12.47);
  EXPECT_EQ(points[4].metric, "http_request_duration_seconds_sum");
  EXPECT_EQ(points[4].kind, PointKind::kCounter);
  EXPECT_EQ(points[7].metric, "rpc_duration_seconds_count");
  EXPECT_EQ(points[7].kind, PointKind::kCounter);
}

TEST(PrometheusTextTest, ReadsOpenMetrics) {
  auto page = Parse(R"(# TYPE go_alloc_bytes counter
# UNIT go_alloc_bytes bytes
# HELP go_alloc_bytes Some "text".
go_alloc_bytes_total{a="1"} 17.0 1800000001.5 # {trace_id="abc",span_id="d"} 0.67 1800000000
go_alloc_bytes_created{a="1"} 1799999000.0
go_alloc_bytes_total{a="2"} 18
# TYPE target info
target_info{service_version="v1.2.3"} 1
# TYPE lat_seconds histogram
lat_seconds_bucket{le="1.0"} 3 # {trace_id="x"} 0.5
lat_seconds_count 3
lat_seconds_sum 1.5
lat_seconds_created 1799990000
# EOF)",
                    kOm);
  ASSERT_TRUE(page) << page.error().message;
  ASSERT_EQ(page->points.size(), 5u);
  const auto& points = page->points;
  EXPECT_EQ(points[0].metric, "go_alloc_bytes_total");
  EXPECT_EQ(points[0].kind, PointKind::kCounter);
  EXPECT_EQ(points[0].unit, "By");
  EXPECT_EQ(points[0].time_ns, kNow + 1'500'000'000);
  EXPECT_EQ(points[0].start_ns, 1'799'999'000'000'000'000);
  EXPECT_EQ(points[1].start_ns, 0);
  EXPECT_EQ(points[2].metric, "target_info");
  EXPECT_EQ(points[2].unit, "");
  EXPECT_EQ(points[3].start_ns, 1'799'990'000'000'000'000);
  EXPECT_EQ(points[4].start_ns, 1'799'990'000'000'000'000);
}

TEST(PrometheusTextTest, AnOpenMetricsPageWithoutEofIsDiscarded) {
  auto page = Parse("a 1\nb 2\n", kOm);
  ASSERT_FALSE(page);
  EXPECT_NE(page.error().message.find("no # EOF"), std::string::npos);
  EXPECT_TRUE(Parse("a 1\n# EOF\n", kOm));
  EXPECT_FALSE(Parse("a 1\n# EOF\nb 2\n", kOm));
  EXPECT_TRUE(Parse("a 1\n# EOF\nb 2\n", kProm)) << "a comment there";
}

TEST(PrometheusTextTest, ReadsQuotedNames) {
  auto page = Parse(
      "{\"process.memory.usage\",\"service.name\"=\"a b\"} 5\n# TYPE \"x.y\" counter\n{\"x.y\"} "
      "1\n");
  ASSERT_TRUE(page) << page.error().message;
  EXPECT_EQ(page->points[0].metric, "process.memory.usage");
  EXPECT_EQ(page->points[0].attributes, (Attributes{{"service.name", "a b"}}));
  EXPECT_EQ(page->points[1].kind, PointKind::kCounter);
}

TEST(PrometheusTextTest, ReadsEveryWayToWriteANumber) {
  const std::pair<const char*, double> cases[] = {{"1", 1},       {"+1", 1},   {"-1", -1},
                                                  {".5", .5},     {"5.", 5},   {"1e3", 1000},
                                                  {"1E-2", 0.01}, {"0x10", 16}};
  for (const auto& [text, value] : cases) {
    auto page = Parse(std::string("a ") + text);
    ASSERT_TRUE(page) << text << ": " << page.error().message;
    EXPECT_EQ(page->points.at(0).value, value) << text;
  }
  for (const char* text : {"NaN", "nan", "Inf", "+Inf", "-inf", "+Infinity"}) {
    auto page = Parse(std::string("a ") + text);
    ASSERT_TRUE(page) << text << ": " << page.error().message;
    EXPECT_EQ(page->not_finite, 1u) << text;
  }
}

TEST(PrometheusTextTest, ErrorsNameTheLine) {
  const std::string_view bad[] = {"a",
                                  "a x",
                                  "a 1 x",
                                  "a 1 2 3",
                                  "a{b=1} 1",
                                  "a{b=\"1} 1",
                                  "a{b=\"1\" 1",
                                  "a{b} 1",
                                  "a{1b=\"1\"} 1",
                                  "1a 1",
                                  "{} 1",
                                  "a{b=\"1\",b=\"2\"} 1",
                                  "a --1",
                                  "a 1e999",
                                  "a{__name__=\"b\"} 1",
                                  "# TYPE a lion",
                                  "# TYPE 1a gauge",
                                  "a{b=\"\xff\"} 1",
                                  "{\"a\",\"b\"} 1",
                                  "a 1 99999999999999999999",
                                  "a{b=\"\xed\xa0\x80\"} 1",
                                  "a{b=\"\\"};
  for (std::string_view line : bad) {
    auto page = Parse("good 1\n" + std::string(line) + "\ngood 2\n");
    ASSERT_FALSE(page) << line;
    EXPECT_EQ(page.error().code, ErrorCode::kInvalidArgument) << line;
    EXPECT_EQ(page.error().message.substr(0, 7), "line 2:") << page.error().message;
  }
  for (std::string_view line :
       {"", "# comment", "a 1 # {a=\"b\"", "a 1 # {} x", "a 1 # 5", "a 1 1 1"}) {
    EXPECT_FALSE(Parse("good 1\n" + std::string(line) + "\n# EOF\n", kOm)) << line;
  }
}

TEST(PrometheusTextTest, LimitsAreKept) {
  TextOptions options;
  options.limits = {.max_samples = 2, .max_labels = 2, .max_label_bytes = 4};
  EXPECT_TRUE(Parse("a 1\na{b=\"1234\",c=\"\"} 1\n", kProm, options));
  for (const char* page :
       {"a 1\na 1\na 1\n", "a{b=\"1\",c=\"1\",d=\"1\"} 1\n", "a{b=\"12345\"} 1\n"}) {
    auto parsed = Parse(page, kProm, options);
    ASSERT_FALSE(parsed) << page;
    EXPECT_EQ(parsed.error().code, ErrorCode::kResourceExhausted) << page;
  }
}

TEST(PrometheusTextTest, TimestampsAreBoundedOrIgnored) {
  const std::string page = "old 1 1799990000000\nnew 1 1800001000000\nsound 1 1799999000000\n";
  auto parsed = Parse(page);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->out_of_bounds, 2u);
  ASSERT_EQ(parsed->points.size(), 1u);
  EXPECT_EQ(parsed->points[0].metric, "sound");
  TextOptions options;
  options.honor_timestamps = false;
  parsed = Parse(page, kProm, options);
  ASSERT_EQ(parsed->points.size(), 3u);
  EXPECT_EQ(parsed->points[0].time_ns, kNow);
}

TEST(PrometheusTextTest, UnwantedMetricsAreCountedAndNotKept) {
  TextOptions options;
  options.keep = [](std::string_view metric) { return metric == "want"; };
  auto page = Parse("want 1\nother 2\n", kProm, options);
  ASSERT_TRUE(page);
  EXPECT_EQ(page->samples, 2u);
  ASSERT_EQ(page->points.size(), 1u);
  EXPECT_FALSE(Parse("other{ 2\n", kProm, options)) << "still checked";
}

TEST(PrometheusTextTest, FormatFollowsTheContentType) {
  EXPECT_EQ(TextFormatOf("application/openmetrics-text; version=1.0.0; charset=utf-8"), kOm);
  EXPECT_EQ(TextFormatOf("text/plain; version=0.0.4"), kProm);
  EXPECT_EQ(TextFormatOf(""), kProm);
}

TEST(PrometheusTextTest, CuttingAPageAnywhereIsAnErrorOrFewerSamples) {
  const std::string page =
      "# TYPE a counter\na_total{x=\"1\\n\"} 12 1.5 # {t=\"1\"} 1\na_created{x=\"1\"} 5\n# EOF";
  ASSERT_TRUE(Parse(page, kOm));
  for (size_t length = 0; length < page.size(); ++length) {
    EXPECT_FALSE(Parse(std::string_view(page).substr(0, length), kOm)) << length;
    auto lenient = Parse(std::string_view(page).substr(0, length), kProm);
    if (lenient) {
      EXPECT_LE(lenient->samples, 2u);
    }
  }
}

}  // namespace
}  // namespace tidemark
