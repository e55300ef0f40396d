#include "ingest/span_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <string>

namespace tidemark {
namespace {

constexpr TargetId kTarget{7};
constexpr int64_t kStart = 1'700'000'000 * kNsPerSecond;

Span MakeSpan(uint64_t id, std::string name = "GET /a", int64_t end_ns = kStart + 1000) {
  Span span;
  span.trace_id = {id / 2 + 1, 9};
  span.span_id = SpanId{id};
  span.name = std::move(name);
  span.start_ns = kStart;
  span.end_ns = end_ns;
  return span;
}

TEST(SpanIndexTest, FindsASpanWithItsRoute) {
  SpanIndex index;
  Span span = MakeSpan(5);
  EXPECT_TRUE(index.Add(kTarget, span));
  span = MakeSpan(6);
  span.route = "/a/{id}";
  EXPECT_TRUE(index.Add(kTarget, span));
  ASSERT_TRUE(index.Find(SpanId{5}));
  EXPECT_EQ(index.Find(SpanId{5})->route, "GET /a");
  EXPECT_EQ(index.Find(SpanId{6})->route, "/a/{id}");
  EXPECT_EQ(index.Find(SpanId{6})->target, kTarget);
  EXPECT_EQ(index.Find(SpanId{6})->end_ns, kStart + 1000);
  EXPECT_FALSE(index.Find(SpanId{8}));
}

TEST(SpanIndexTest, AStartedSpanEndsOnceAndRepeatsAreTold) {
  SpanIndex index;
  EXPECT_TRUE(index.Add(kTarget, MakeSpan(5, "x", 0)));
  EXPECT_EQ(index.Find(SpanId{5})->end_ns, 0);
  EXPECT_TRUE(index.Add(kTarget, MakeSpan(5, "x")));
  EXPECT_EQ(index.Find(SpanId{5})->end_ns, kStart + 1000);
  EXPECT_FALSE(index.Add(kTarget, MakeSpan(5, "x")));
  EXPECT_EQ(index.size(), 1u);
  EXPECT_EQ(index.stats().duplicates, 1u);
}

TEST(SpanIndexTest, SpansWithoutIdAreRefused) {
  SpanIndex index;
  EXPECT_FALSE(index.Add(kTarget, MakeSpan(0)));
  EXPECT_EQ(index.stats().refused, 1u);
  EXPECT_EQ(index.size(), 0u);
}

TEST(SpanIndexTest, AgeIsEventTime) {
  SpanIndex index({.ttl_ns = kNsPerMinute});
  index.Add(kTarget, MakeSpan(1, "a", kStart));
  index.Add(kTarget, MakeSpan(2, "b", kStart + 30 * kNsPerSecond));
  index.Advance(kStart + kNsPerMinute);
  EXPECT_EQ(index.size(), 2u);
  index.Advance(kStart + kNsPerMinute + 1);
  EXPECT_FALSE(index.Find(SpanId{1}));
  EXPECT_TRUE(index.Find(SpanId{2}));
  EXPECT_EQ(index.stats().evicted_by_age, 1u);
}

TEST(SpanIndexTest, ASpanFromTheFutureCannotHoldTheRingUp) {
  SpanIndex index({.ttl_ns = kNsPerMinute});
  index.Advance(kStart);
  index.Add(kTarget, MakeSpan(1, "a", kStart + 24 * kNsPerHour));
  index.Add(kTarget, MakeSpan(2, "a", kStart));
  index.Advance(kStart + 2 * kNsPerMinute);
  EXPECT_EQ(index.size(), 0u);
}

TEST(SpanIndexTest, SpansAfterALongPauseAreKept) {
  SpanIndex index;
  index.Advance(kStart);
  EXPECT_TRUE(index.Add(kTarget, MakeSpan(1, "a", kStart + kNsPerHour)));
  index.Advance(kStart + kNsPerHour);
  EXPECT_TRUE(index.Find(SpanId{1}));
}

// The whole promise of 64 bytes a span, with every allocation of the index counted.
TEST(SpanIndexTest, AFullIndexStaysWithinItsBytes) {
  SpanIndex index({.max_bytes = 1 << 20});
  EXPECT_EQ(index.capacity(), (1u << 20) / 64);
  for (uint64_t id = 1; id <= 3 * index.capacity(); ++id) {
    const TargetId target{id % 40};
    index.Add(target, MakeSpan(id, "route with a fairly long name " + std::to_string(id % 100)));
  }
  EXPECT_EQ(index.size(), index.capacity());
  EXPECT_LE(index.memory_bytes(), 1u << 20);
  EXPECT_EQ(index.stats().evicted_by_space, 2 * index.capacity());
  EXPECT_GT(index.stats().routes_folded, 0u);
}

TEST(SpanIndexTest, EndlessNamesFoldIntoOther) {
  SpanIndex index({.max_routes_per_target = 3});
  for (uint64_t id = 1; id <= 10; ++id) index.Add(kTarget, MakeSpan(id, std::to_string(id)));
  EXPECT_EQ(index.Find(SpanId{3})->route, "3");
  EXPECT_EQ(index.Find(SpanId{4})->route, kOtherRoute);
  EXPECT_EQ(index.RecentTraces(kTarget, kOtherRoute, 9).size(),
            4u);  // of spans 4 to 10, two a trace
  EXPECT_EQ(index.stats().routes_folded, 7u);
}

TEST(SpanIndexTest, NamesAreFreedWithTheirLastSpan) {
  SpanIndex index({.ttl_ns = 1, .max_routes_per_target = 3});
  for (uint64_t id = 1; id <= 100; ++id) {
    index.Add(kTarget, MakeSpan(id, std::to_string(id), kStart + static_cast<int64_t>(id) * 10));
    index.Advance(kStart + static_cast<int64_t>(id) * 10);
  }
  EXPECT_EQ(index.stats().routes_folded, 0u);
  EXPECT_EQ(index.Find(SpanId{100})->route, "100");
}

TEST(SpanIndexTest, RecentTracesAreDistinctAndNewestFirst) {
  SpanIndex index;
  for (uint64_t id = 2; id <= 21; ++id) index.Add(kTarget, MakeSpan(id, id % 4 < 2 ? "a" : "b"));
  const auto traces = index.RecentTraces(kTarget, "a", 3);
  ASSERT_EQ(traces.size(), 3u);
  EXPECT_EQ(traces[0].trace_id.high, 11u);  // spans 20 and 21
  EXPECT_EQ(traces[0].span_id, SpanId{21});
  EXPECT_EQ(traces[1].trace_id.high, 9u);
  EXPECT_EQ(traces[2].trace_id.high, 7u);
  EXPECT_EQ(index.RecentTraces(kTarget, "", 100).size(), 10u);
  EXPECT_TRUE(index.RecentTraces(kTarget, "none", 3).empty());
  EXPECT_TRUE(index.RecentTraces(TargetId{8}, "", 3).empty());
}

// Random operations against the obvious slow version.
TEST(SpanIndexTest, AgreesWithASlowIndex) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  SpanIndex index({.max_bytes = 64 * 512, .ttl_ns = 1000});
  struct Slow {
    Span span;
    TargetId target;
  };
  std::deque<Slow> slow;
  for (int step = 0; step < 20'000; ++step) {
    const int64_t now = kStart + step;
    const auto known = [&](uint64_t id) {
      return std::find_if(slow.begin(), slow.end(),
                          [id](const Slow& s) { return s.span.span_id == SpanId{id}; });
    };
    Span span =
        MakeSpan(random() % 1500 + 1, std::string(1, static_cast<char>('a' + random() % 5)), now);
    const TargetId target{random() % 3};
    const bool is_new = known(static_cast<uint64_t>(span.span_id)) == slow.end();
    EXPECT_EQ(index.Add(target, span), is_new);
    if (is_new) slow.push_back({span, target});
    if (slow.size() > index.capacity()) slow.pop_front();
    if (random() % 10 == 0) {
      index.Advance(now);
      while (!slow.empty() && slow.front().span.end_ns < now - 1000) slow.pop_front();
    }
    const uint64_t asked = random() % 1500 + 1;
    const auto expected = known(asked);
    const auto found = index.Find(SpanId{asked});
    ASSERT_EQ(found.has_value(), expected != slow.end());
    if (found) {
      EXPECT_EQ(found->route, expected->span.name);
      EXPECT_EQ(found->target, expected->target);
      EXPECT_EQ(found->end_ns, expected->span.end_ns);
    }
    ASSERT_EQ(index.size(), slow.size());
  }
}

}  // namespace
}  // namespace tidemark
