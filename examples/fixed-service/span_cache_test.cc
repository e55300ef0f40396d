#include "span_cache.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <thread>
#include <vector>

namespace shop {
namespace {

constexpr int64_t kTtl = 60'000'000'000;

EndedSpan SpanOf(uint64_t id) {
  EndedSpan ended;
  ended.span.trace_id = {1, id};
  ended.span.span_id = tidemark::SpanId{id};
  ended.span.start_ns = 5;
  ended.span.end_ns = 2'000'005;
  ended.attributes = {{"http.request.body.preview", std::string(1000, 'x')}};
  return ended;
}

TEST(SpanCacheTest, EntriesAreFoundAndGoAfterTheirTime) {
  SpanCache cache(1 << 20, kTtl);
  cache.Add(SpanOf(7), 100);
  const auto found = cache.Find(tidemark::SpanId{7}, 100 + kTtl - 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->duration_us, 2000);
  EXPECT_EQ(cache.Size(100 + kTtl - 1), 1u);
  EXPECT_FALSE(cache.Find(tidemark::SpanId{7}, 100 + kTtl));
  EXPECT_EQ(cache.Size(100 + kTtl), 0u);
  EXPECT_EQ(cache.evicted(), 0u);
}

TEST(SpanCacheTest, WhenFullTheLeastRecentlyUsedGoes) {
  SpanCache cache(3 * SpanCache::kBytesPerEntry, kTtl);
  for (uint64_t id : {1, 2, 3}) cache.Add(SpanOf(id), 0);
  EXPECT_TRUE(cache.Find(tidemark::SpanId{1}, 0));
  cache.Add(SpanOf(4), 0);
  EXPECT_TRUE(cache.Find(tidemark::SpanId{1}, 0));
  EXPECT_FALSE(cache.Find(tidemark::SpanId{2}, 0));
  EXPECT_EQ(cache.Size(0), 3u);
  EXPECT_EQ(cache.evicted(), 1u);
}

TEST(SpanCacheTest, ASpanThatComesTwiceIsKeptOnce) {
  SpanCache cache(1 << 20, kTtl);
  cache.Add(SpanOf(7), 0);
  cache.Add(SpanOf(7), 10);
  EXPECT_EQ(cache.Size(10 + kTtl - 1), 1u);
}

TEST(SpanCacheTest, EntriesTakeTheBytesThatTheBoundCounts) {
  constexpr size_t kEntries = 50'000;
  SpanCache cache(kEntries * SpanCache::kBytesPerEntry, kTtl);
  const EndedSpan span = SpanOf(1);
  const size_t before = mallinfo2().uordblks;
  for (uint64_t id = 1; id <= 3 * kEntries; ++id) {
    EndedSpan next = span;
    next.span.span_id = tidemark::SpanId{id};
    cache.Add(next, 0);
  }
  EXPECT_EQ(cache.Size(0), kEntries);
  const size_t used = mallinfo2().uordblks - before;
  EXPECT_LE(used, kEntries * SpanCache::kBytesPerEntry);
}

TEST(SpanCacheTest, ThreadsShareIt) {
  SpanCache cache(100 * SpanCache::kBytesPerEntry, kTtl);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (uint64_t i = 1; i <= 5000; ++i) {
        cache.Add(SpanOf(t * 10'000 + i), static_cast<int64_t>(i));
        cache.Find(tidemark::SpanId{t * 10'000 + i / 2 + 1}, static_cast<int64_t>(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache.Size(5000), 100u);
  EXPECT_EQ(cache.evicted(), 4 * 5000u - 100u);
}

}  // namespace
}  // namespace shop
