#include "diagnose/span_attribution.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

Sample Allocation(uint32_t location, int64_t bytes, uint64_t span) {
  Sample sample{.locations = {location}, .values = {bytes}};
  if (span != 0) {
    sample.labels = {{.key = "trace_id", .text = ToHex(TraceId{7, span})},
                     {.key = "span_id", .text = ToHex(SpanId{span})}};
  }
  return sample;
}

Profile TwoStacks(std::vector<Sample> samples) {
  Profile profile;
  profile.sample_types = {{"inuse_space", "bytes"}};
  profile.functions = {{.name = "keep"}, {.name = "buffer"}};
  profile.locations = {{.lines = {{0, 1}}}, {.lines = {{1, 1}}}};
  profile.samples = std::move(samples);
  return profile;
}

// Spans below 10 have ended in /checkout, from 10 on in /search; 99 is unknown.
std::optional<SpanFacts> Lookup(SpanId span) {
  const auto id = static_cast<uint64_t>(span);
  if (id == 99) return std::nullopt;
  return SpanFacts{TraceId{7, id}, id < 10 ? "/checkout" : "/search", 1000, 3000};
}

TEST(SpanAttributionTest, BytesAreSplitByRouteAndEndedSpansAreSurvivors) {
  const Profile profile =
      TwoStacks({Allocation(0, 600, 1), Allocation(0, 100, 1), Allocation(0, 100, 12),
                 Allocation(0, 200, 99), Allocation(0, 50, 0)});
  const SpanAttribution result = AttributeToSpans(profile, {}, Lookup);
  EXPECT_EQ(result.total_bytes, 1050);
  EXPECT_EQ(result.linked_bytes, 1000);
  EXPECT_EQ(result.survivor_bytes, 800);
  ASSERT_EQ(result.routes.size(), 3u);
  EXPECT_EQ(result.routes[0].route, "/checkout");
  EXPECT_DOUBLE_EQ(result.routes[0].growth_share, 0.7);
  EXPECT_EQ(result.routes[0].survivor_bytes, 700);
  EXPECT_EQ(result.traces[0].bytes, 700);
  EXPECT_EQ(result.traces[0].trace_id, (TraceId{7, 1}));
  EXPECT_TRUE(result.traces[0].ended);
  EXPECT_FALSE(result.traces[1].ended);
}

TEST(SpanAttributionTest, OnlyTheChosenStacksCount) {
  const Profile profile = TwoStacks({Allocation(0, 10, 1), Allocation(1, 90, 12)});
  const uint64_t keep = StackIdOf(FramesOf(profile, profile.samples[0]));
  const SpanAttribution result = AttributeToSpans(profile, {keep}, Lookup);
  EXPECT_EQ(result.total_bytes, 10);
  ASSERT_EQ(result.routes.size(), 1u);
  EXPECT_EQ(result.routes[0].route, "/checkout");
}

TEST(SpanAttributionTest, TracesAreCutToTheHeaviest) {
  std::vector<Sample> samples;
  for (uint64_t span = 1; span <= 50; ++span)
    samples.push_back(Allocation(0, static_cast<int64_t>(span), span));
  const SpanAttribution result = AttributeToSpans(TwoStacks(samples), {}, Lookup, 10);
  ASSERT_EQ(result.traces.size(), 10u);
  EXPECT_EQ(result.traces[0].bytes, 50);
  EXPECT_EQ(result.traces[9].bytes, 41);
}

}  // namespace
}  // namespace tidemark
