#include "cli/point_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace tidemark {
namespace {

using ::testing::HasSubstr;

constexpr char kLine[] =
    R"({"t":1767225600.5,"service":"cart","version":"v1","instance":"cart-1","metric":"heap","value":1078240977})";

TEST(PointLineTest, ReadsAPoint) {
  PointLineScratch scratch;
  const auto point = ParsePointLine(kLine, scratch);
  ASSERT_TRUE(point) << point.error().message;
  EXPECT_EQ(point->time_s, 1767225600.5);
  EXPECT_EQ(point->service, "cart");
  EXPECT_EQ(point->version, "v1");
  EXPECT_EQ(point->instance, "cart-1");
  EXPECT_EQ(point->metric, MetricKind::kHeap);
  EXPECT_EQ(point->value, 1078240977);
}

TEST(PointLineTest, KeysComeInAnyOrderWithSpaceAndStrangers) {
  PointLineScratch scratch;
  const auto point = ParsePointLine(
      R"( { "value" : -2e3, "more": {"a": [1, "x", {"b": null}], "c": true}, "metric": "req_rate",
           "instance":"", "version":"v", "service":"s", "t":1 } )",
      scratch);
  ASSERT_TRUE(point) << point.error().message;
  EXPECT_EQ(point->metric, MetricKind::kReqRate);
  EXPECT_EQ(point->value, -2000);
}

TEST(PointLineTest, EscapesBecomeUtf8) {
  PointLineScratch scratch;
  const auto point = ParsePointLine(
      R"({"t":1,"service":"\u00e9\"\ud83d\ude00","version":"\\\n","instance":"a\/b","metric":"limit","value":1})",
      scratch);
  ASSERT_TRUE(point) << point.error().message;
  EXPECT_EQ(point->service, "é\"😀");
  EXPECT_EQ(point->version, "\\\n");
  EXPECT_EQ(point->instance, "a/b");
}

struct Bad {
  const char* line;
  const char* says;
};

TEST(PointLineTest, ErrorsNamePlaceAndValue) {
  const Bad cases[] = {
      {"", "expected a JSON object at byte 0"},
      {"[1]", "expected a JSON object"},
      {"{}", "key 't' is missing"},
      {R"({"t":1,"service":"s","version":"v","instance":"i","metric":"heap"})", "key 'value'"},
      {R"({"t":"now"})", "bad value of 't' at byte 5: \"\"now\"}\""},
      {R"({"service":7})", "bad value of 'service'"},
      {R"({"t":1,})", "expected a key"},
      {R"({"t":1)", "expected the end"},
      {R"({"t":1}x)", "expected the end"},
      {R"({"t":1e999})", "bad value of 't'"},
      {R"({"service":"\ud800x"})", "bad value of 'service'"},
      {R"({"x":[[[[[[[[[[1]]]]]]]]]]})", "bad value of 'x'"},
      {R"({"t":1,"service":"s","version":"v","instance":"i","metric":"cpu","value":1})",
       "metric 'cpu' is none of"},
  };
  PointLineScratch scratch;
  for (const Bad& bad : cases) {
    const auto point = ParsePointLine(bad.line, scratch);
    ASSERT_FALSE(point) << bad.line;
    EXPECT_EQ(point.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(point.error().message, HasSubstr(bad.says)) << bad.line;
  }
}

TEST(PointLineTest, LongLinesAreRefused) {
  PointLineScratch scratch;
  const std::string line(kMaxPointLineBytes + 1, ' ');
  const auto point = ParsePointLine(line, scratch);
  ASSERT_FALSE(point);
  EXPECT_THAT(point.error().message, HasSubstr("65537 bytes"));
}

TEST(PointLineTest, CutAndDamagedLinesAreErrorsOrPoints) {
  const std::string whole = kLine;
  PointLineScratch scratch;
  for (size_t n = 0; n < whole.size(); ++n) {
    EXPECT_FALSE(ParsePointLine(whole.substr(0, n), scratch)) << n;
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string line = whole;
    for (int k = 0; k < 3; ++k) line[random() % line.size()] = static_cast<char>(random());
    const auto point = ParsePointLine(line, scratch);
    if (!point) {
      EXPECT_FALSE(point.error().message.empty());
    }
  }
}

}  // namespace
}  // namespace tidemark
