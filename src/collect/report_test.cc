#include "collect/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace tidemark {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// One stack a function, each with bytes in use.
Profile Make(const std::vector<std::pair<std::string, int64_t>>& stacks, int64_t time_ns) {
  Profile profile;
  profile.sample_types = {
      {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}};
  profile.time_ns = time_ns;
  profile.comments = {"pid: 1"};
  for (const auto& [function, bytes] : stacks) {
    const auto index = static_cast<uint32_t>(profile.functions.size());
    profile.functions.push_back({function, function, "/src/shop.cc", 1});
    profile.locations.push_back({kNoIndex, index, {{index, 12}}});
    profile.samples.push_back({{index}, {2 * bytes, 1, bytes}, {}});
  }
  return profile;
}

TEST(ReportTest, StacksStandByWeightAndGrowth) {
  const Profile before = Make({{"Steady", 9000}, {"Leak", 1000}, {"Falls", 5000}}, 1'000'000'000);
  const Profile now = Make({{"Steady", 9000}, {"Leak", 4000}, {"Falls", 100}}, 2'000'000'000);
  const HeapSummary summary = Summarize(now, &before, {});
  EXPECT_EQ(summary.inuse_bytes, 13100);
  EXPECT_EQ(summary.alloc_bytes, 26200);
  EXPECT_EQ(summary.stacks, 3u);
  ASSERT_EQ(summary.heaviest.size(), 3u);
  EXPECT_EQ(summary.heaviest[0].frames[0].function, "Steady");
  ASSERT_EQ(summary.growing.size(), 1u);
  EXPECT_EQ(summary.growing[0].frames[0].function, "Leak");
  EXPECT_EQ(summary.growing[0].growth_bytes, 3000);
}

TEST(ReportTest, SpansOfOneStackAreOneStackAndEachSpanIsListed) {
  Profile profile = Make({{"Leak", 1000}}, 0);
  for (const char* span : {"01", "02"}) {
    profile.samples.push_back({{0}, {0, 1, 500}, {{"trace_id", "ab"}, {"span_id", span}}});
  }
  const HeapSummary summary = Summarize(profile, nullptr, {});
  ASSERT_EQ(summary.heaviest.size(), 1u);
  EXPECT_EQ(summary.heaviest[0].inuse_bytes, 2000);
  EXPECT_EQ(summary.spans.size(), 2u);
  EXPECT_EQ(summary.with_span_bytes, 1000);
}

TEST(ReportTest, TextNamesFunctionFileAndLine) {
  const Profile before = Make({{"shop::Keep", 1 << 20}}, 1'000'000'000);
  const Profile now = Make({{"shop::Keep", 3 << 20}}, 2'000'000'000);
  ReportOptions options;
  options.title = "shop 1.0.0, pid 7";
  options.sigma_bytes = (3 << 20) / 100.0;
  const std::string text = FormatReport(now, &before, options, ReportFormat::kText);
  EXPECT_THAT(text, HasSubstr("Heap of shop 1.0.0, pid 7"));
  EXPECT_THAT(text,
              HasSubstr("live 3.00 MiB in 1 objects +- 1.0 % (one standard error of sampling)"));
  EXPECT_THAT(text, HasSubstr("shop::Keep  /src/shop.cc:12"));
  EXPECT_THAT(text, HasSubstr("+2.00 MiB  now 3.00 MiB  shop::Keep  /src/shop.cc:12"));
  EXPECT_THAT(text, Not(HasSubstr("by span")));
}

TEST(ReportTest, StacksShowErrorAgeCumulativeBytesAndLosses) {
  Profile profile = Make({{"shop::Keep", 1 << 20}}, 0);
  profile.period = 512 << 10;
  profile.samples[0].values = {4 << 20, 0, 0};
  const auto add = [&](int64_t age, int64_t bytes) {
    profile.samples.push_back({{0}, {0, bytes / 64, bytes}, {{"age", "", age, "seconds"}}});
  };
  add(1, 400 << 10);
  add(256, 500 << 10);
  add(1024, 124 << 10);
  profile.comments = {"pid: 1", "lost, stack table full: 3"};
  const HeapSummary summary = Summarize(profile, nullptr, {});
  ASSERT_EQ(summary.heaviest.size(), 1u);
  const StackTotal& stack = summary.heaviest[0];
  // 1 MiB of 64-byte blocks, sampled every 512 KiB: sqrt(2^20 x 64 / (e^(64 / 2^19) - 1)) = 724
  // KiB.
  EXPECT_NEAR(stack.sigma_bytes, 724.0 * 1024, 1024);
  EXPECT_EQ(stack.median_age_s, 256);
  EXPECT_EQ(stack.oldest_age_s, 1024);
  EXPECT_EQ(stack.alloc_bytes, 4 << 20);
  const std::string text = FormatReport(profile, nullptr, {}, ReportFormat::kText);
  EXPECT_THAT(text, HasSubstr("1.00 MiB +- 70.7 %  100.0 %"));
  EXPECT_THAT(text, HasSubstr("half older than 4 min 16 s, oldest 17 min"));
  EXPECT_THAT(text, HasSubstr("allocated in all 4.00 MiB"));
  EXPECT_THAT(text, HasSubstr("lost: stack table full: 3"));
  // Exact variances, where the builder gives them, speak over the formula.
  const std::vector<double> variances(profile.samples.size(), 1e10);
  ReportOptions options;
  options.variances = &variances;
  EXPECT_DOUBLE_EQ(Summarize(profile, nullptr, options).heaviest[0].sigma_bytes, 2e5);
}

TEST(ReportTest, StackWithoutAgesOrErrorSaysNothingOfThem) {
  const std::string text =
      FormatReport(Make({{"shop::Keep", 3000}}, 0), nullptr, {}, ReportFormat::kText);
  EXPECT_THAT(text, Not(HasSubstr("older")));
  EXPECT_THAT(text, Not(HasSubstr("+-")));
}

TEST(ReportTest, JsonHoldsTheSameFigures) {
  const std::string text =
      FormatReport(Make({{"shop::Keep", 3000}}, 0), nullptr, {}, ReportFormat::kJson);
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  ASSERT_FALSE(error);
  const auto& heaviest = value.at("heaviest").at(0);
  EXPECT_EQ(heaviest.at("inuse_bytes").as_int64(), 3000);
  EXPECT_EQ(heaviest.at("frames").at(0).at("function").as_string(), "shop::Keep");
  EXPECT_EQ(heaviest.at("frames").at(0).at("line").as_int64(), 12);
}

TEST(ReportTest, EmptyProfileIsAReportToo) {
  EXPECT_THAT(FormatReport(Make({}, 0), nullptr, {}, ReportFormat::kText),
              HasSubstr("live 0 B in 0 objects"));
}

TEST(ReportTest, ListsKeepTheirLimits) {
  std::vector<std::pair<std::string, int64_t>> stacks;
  for (int i = 0; i < 50; ++i) stacks.emplace_back("f" + std::to_string(i), 100 + i);
  const HeapSummary summary = Summarize(Make(stacks, 0), nullptr, {.max_stacks = 3});
  EXPECT_EQ(summary.heaviest.size(), 3u);
  EXPECT_EQ(summary.stacks, 50u);
}

}  // namespace
}  // namespace tidemark
