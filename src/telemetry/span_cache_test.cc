#include "tidemark/span_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <random>
#include <thread>
#include <vector>

namespace tidemark::sdk {
namespace {

constexpr int64_t kTtl = 60'000'000'000;

SpanRecord RecordOf(uint64_t id) {
  SpanRecord record;
  memcpy(record.span.span_id, &id, sizeof id);
  record.span.trace_id[0] = 1;
  record.duration_us = static_cast<uint32_t>(id % 1000);
  return record;
}

const uint8_t* IdOf(const SpanRecord& record) { return record.span.span_id; }

bool Has(SpanCache* cache, uint64_t id, int64_t now_ns) {
  return cache->Find(IdOf(RecordOf(id)), now_ns).has_value();
}

TEST(SpanCacheTest, EntriesAreFoundAndGoAfterTheirTime) {
  SpanCache cache;
  cache.Add(RecordOf(7), 100);
  const auto found = cache.Find(IdOf(RecordOf(7)), 100 + kTtl - 1);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->duration_us, 7u);
  EXPECT_EQ(found->span.trace_id[0], 1);
  EXPECT_EQ(cache.stats(100 + kTtl - 1).size, 1u);
  EXPECT_FALSE(Has(&cache, 7, 100 + kTtl));
  const SpanCacheStats after = cache.stats(100 + kTtl);
  EXPECT_EQ(after.size, 0u);
  EXPECT_EQ(after.bytes, 0u);
  EXPECT_EQ(after.expired, 1u);
  EXPECT_EQ(after.evicted, 0u);
}

TEST(SpanCacheTest, WhenFullTheLeastRecentlyUsedGoes) {
  SpanCache cache({.max_bytes = 300});
  const uint64_t room = cache.stats(0).max_entries;
  ASSERT_GE(room, 2u);
  for (uint64_t id = 1; id <= room; ++id) cache.Add(RecordOf(id), 0);
  EXPECT_TRUE(Has(&cache, 1, 0));
  cache.Add(RecordOf(100), 0);
  EXPECT_TRUE(Has(&cache, 1, 0));
  EXPECT_FALSE(Has(&cache, 2, 0));
  EXPECT_EQ(cache.stats(0).evicted, 1u);
}

TEST(SpanCacheTest, ASpanThatComesTwiceIsKeptOnceFromTheSecondTimeOn) {
  SpanCache cache;
  cache.Add(RecordOf(7), 0);
  cache.Add(RecordOf(7), 10);
  EXPECT_EQ(cache.stats(10 + kTtl - 1).size, 1u);
  EXPECT_EQ(cache.stats(10 + kTtl - 1).replaced, 1u);
  EXPECT_EQ(cache.stats(10 + kTtl).size, 0u);
}

TEST(SpanCacheTest, ATimeThatGoesBackCountsAsTheLatest) {
  SpanCache cache({.max_bytes = 1000});
  cache.Add(RecordOf(1), 1000);
  cache.Add(RecordOf(2), 5);
  EXPECT_TRUE(Has(&cache, 2, 5 + kTtl));
  EXPECT_EQ(cache.stats(1000 + kTtl).size, 0u);
}

TEST(SpanCacheTest, NoBoundIsExceededAndAnEntryTakesAbout75Bytes) {
  for (size_t bytes : {1000, 4096, 100'000, 1 << 20, 8 << 20, 100'000'000}) {
    SpanCache cache({.max_bytes = bytes});
    const SpanCacheStats stats = cache.stats(0);
    EXPECT_LE(stats.max_bytes, bytes);
    EXPECT_GE(stats.max_entries * 80, bytes) << bytes;
  }
  SpanCache least({.max_bytes = 0});
  EXPECT_EQ(least.stats(0).max_entries, 1u);
}

// Against the obvious way, over random operations: same answers, same counts.
TEST(SpanCacheTest, BehavesAsAListInOrderOfUse) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  SpanCache cache({.max_bytes = 4000, .ttl_ns = 50});
  const size_t room = cache.stats(0).max_entries;
  struct Kept {
    uint64_t id;
    int64_t added;
  };
  std::list<Kept> model;  // least recently used first
  const auto find = [&](uint64_t id) {
    return std::find_if(model.begin(), model.end(), [id](const Kept& k) { return k.id == id; });
  };
  for (int64_t now = 0; now < 50'000; now += static_cast<int64_t>(random() % 2)) {
    const uint64_t id = 1 + random() % 100;
    model.remove_if([now](const Kept& k) { return now - k.added >= 50; });
    const auto known = find(id);
    if (random() % 2 == 0) {
      ASSERT_EQ(Has(&cache, id, now), known != model.end());
      if (known != model.end()) model.splice(model.end(), model, known);
    } else {
      if (known != model.end()) {
        model.erase(known);
      } else if (model.size() == room) {
        model.pop_front();
      }
      model.push_back({id, now});
      cache.Add(RecordOf(id), now);
    }
    const SpanCacheStats stats = cache.stats(now);
    ASSERT_EQ(stats.size, model.size());
    ASSERT_EQ(stats.added, stats.size + stats.evicted + stats.expired + stats.replaced);
  }
  EXPECT_GT(cache.stats(50'000).evicted, 0u);
}

TEST(SpanCacheTest, SizeMemoryAndEvictionsAreMetrics) {
  SpanCache cache({.max_bytes = 0});
  cache.Add(RecordOf(1));
  cache.Add(RecordOf(2));
  const auto points = cache.Metrics();
  ASSERT_EQ(points.size(), 3u);
  EXPECT_EQ(points[0].name, "span_cache.size");
  EXPECT_EQ(points[0].value, 1);
  EXPECT_GE(points[1].value, 64);
  EXPECT_EQ(points[2].name, "span_cache.evicted");
  EXPECT_EQ(points[2].value, 1);
  EXPECT_TRUE(points[2].counter);
}

TEST(SpanCacheTest, ThreadsShareIt) {
  SpanCache cache({.max_bytes = 8 << 20, .shards = 8});
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&cache, t] {
      for (uint64_t i = 1; i <= 5000; ++i) {
        cache.Add(RecordOf(t * 10'000 + i), static_cast<int64_t>(i));
        cache.Find(IdOf(RecordOf(t * 10'000 + i / 2 + 1)), static_cast<int64_t>(i));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(cache.stats(5000).size, 20'000u);
  EXPECT_EQ(cache.stats(5000).evicted, 0u);
}

}  // namespace
}  // namespace tidemark::sdk
