#include "query/params.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace tidemark {
namespace {

HttpRequest With(std::vector<std::pair<std::string, std::string>> query) {
  return {.method = "GET", .path = "/api/v1/series", .query = std::move(query)};
}

TEST(ParamsTest, AMisspeltParameterIsAnErrorThatListsTheRightOnes) {
  EXPECT_TRUE(CheckParams(With({{"service", "a"}}), {"service", "metric"}));
  const auto result = CheckParams(With({{"servcie", "a"}}), {"service", "metric"});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("'servcie'"), std::string::npos);
  EXPECT_NE(result.error().message.find("service, metric"), std::string::npos);
}

TEST(ParamsTest, TimesAndDurationsAreReadOrNamed) {
  EXPECT_EQ(*TimeParam(With({{"from", "2026-01-01T00:00:00Z"}}), "from"),
            1767225600 * kNsPerSecond);
  EXPECT_EQ(*TimeParam(With({}), "from"), 0);
  EXPECT_EQ(*DurationParam(With({{"step", "30"}}), "step"), 30 * kNsPerSecond);
  EXPECT_EQ(*DurationParam(With({{"step", "5m"}}), "step"), 5 * kNsPerMinute);
  const auto result = TimeParam(With({{"from", "noon"}}), "from");
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("'from'"), std::string::npos);
}

TEST(ParamsTest, ChoicesDefaultToTheFirst) {
  EXPECT_EQ(*ChoiceParam(With({}), "by", {"instance", "version"}), "instance");
  EXPECT_FALSE(ChoiceParam(With({{"by", "pod"}}), "by", {"instance", "version"}));
}

}  // namespace
}  // namespace tidemark
