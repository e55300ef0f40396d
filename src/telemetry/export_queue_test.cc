#include "telemetry/export_queue.h"

#include <gtest/gtest.h>

#include <random>

namespace tidemark::sdk {
namespace {

constexpr size_t kRoom = 256 << 10;
const std::string kSpan(200, 's');

// Fills the queue with spans of one rank until the first is shed; returns how many fit.
uint64_t Fill(ExportQueue* queue, Rank rank) {
  Shed shed;
  while (shed.spans_full + shed.spans_pressure == 0) queue->Push(rank, kSpan, 1, &shed);
  return queue->spans();
}

TEST(ExportQueueTest, ErrorsPushOutInnerSpansAndThenRoots) {
  ExportQueue queue(kRoom);
  const uint64_t room = Fill(&queue, Rank::kInner);
  Shed shed;
  for (uint64_t i = 0; i < room / 2; ++i) queue.Push(Rank::kRoot, kSpan, 1, &shed);
  EXPECT_GT(shed.spans_full, 0u);
  // Errors take the rest of the inner spans' place, then that of the roots.
  for (uint64_t i = 0; i < 2 * room; ++i) queue.Push(Rank::kError, "E" + kSpan, 1, &shed);
  const Batch batch = queue.Take(false, SIZE_MAX);
  EXPECT_EQ(batch.items, queue.spans() + batch.items);
  EXPECT_EQ(batch.bytes.find("sss"), batch.bytes.find("Esss") + 1) << "only errors are left";
  EXPECT_EQ(batch.bytes.size(), batch.items * (kSpan.size() + 1));
}

TEST(ExportQueueTest, AnInnerSpanPushesNobodyOutButItsLike) {
  ExportQueue queue(kRoom);
  Fill(&queue, Rank::kError);
  const uint64_t errors = queue.spans();
  Shed shed;
  queue.Push(Rank::kInner, kSpan, 1, &shed);
  queue.Push(Rank::kRoot, kSpan, 1, &shed);
  EXPECT_EQ(shed.spans_full, 2u);
  EXPECT_EQ(queue.spans(), errors);
}

TEST(ExportQueueTest, OfOneRankTheOldestGoes) {
  ExportQueue queue(kRoom);
  Shed shed;
  const std::string filler(ExportQueue::kChunkBytes, 'x');
  queue.Push(Rank::kRoot, "oldest" + filler.substr(6), 1, &shed);
  while (shed.spans_full == 0) queue.Push(Rank::kRoot, filler, 1, &shed);
  EXPECT_EQ(queue.Take(false, SIZE_MAX).bytes.find("oldest"), std::string::npos);
}

TEST(ExportQueueTest, MetricsTakeAQuarterAtMost) {
  ExportQueue queue(kRoom);
  Shed shed;
  for (int i = 0; i < 1000; ++i) queue.Push(Rank::kMetrics, std::string(1000, 'm'), 10, &shed);
  EXPECT_LE(queue.bytes(), kRoom / 4);
  EXPECT_EQ(queue.points() + shed.points_full, 10'000u);
  EXPECT_GT(queue.points(), 0u);
}

TEST(ExportQueueTest, PressureShedsInnerSpansAndShrinksTheRoom) {
  ExportQueue queue(4 * kRoom);
  Shed shed;
  for (int i = 0; i < 500; ++i) queue.Push(Rank::kInner, kSpan, 1, &shed);
  for (int i = 0; i < 500; ++i) queue.Push(Rank::kError, kSpan, 1, &shed);
  queue.SetPressure(Pressure::kHigh, &shed);
  EXPECT_EQ(shed.spans_pressure, 500u);
  EXPECT_EQ(queue.spans(), 500u);
  queue.Push(Rank::kInner, kSpan, 1, &shed);
  EXPECT_EQ(shed.spans_pressure, 501u);
  queue.SetPressure(Pressure::kCritical, &shed);
  EXPECT_LE(queue.bytes(), 4 * kRoom / 16);
  EXPECT_GT(queue.spans(), 0u) << "errors stay while there is room";
  queue.SetPressure(Pressure::kNone, &shed);
  queue.Push(Rank::kInner, kSpan, 1, &shed);
  EXPECT_EQ(shed.spans_pressure + queue.spans(), 1002u);
}

TEST(ExportQueueTest, WhatIsTakenCountsUntilItIsReleased) {
  ExportQueue queue(kRoom);
  Fill(&queue, Rank::kRoot);
  const size_t full = queue.bytes();
  const Batch batch = queue.Take(false, SIZE_MAX);
  EXPECT_EQ(queue.bytes(), full);
  EXPECT_FALSE(queue.Has(false));
  Shed shed;
  queue.Push(Rank::kError, kSpan, 1, &shed);
  EXPECT_EQ(shed.spans_full, 1u) << "no room beside the batch";
  queue.Release(batch.charged);
  EXPECT_EQ(queue.bytes(), 0u);
}

TEST(ExportQueueTest, BatchesKeepToTheirSizeAndOrder) {
  ExportQueue queue(kRoom);
  Shed shed;
  const std::string chunk(ExportQueue::kChunkBytes, 'x');
  queue.Push(Rank::kInner, "i" + chunk.substr(1), 1, &shed);
  queue.Push(Rank::kError, "e" + chunk.substr(1), 1, &shed);
  queue.Push(Rank::kRoot, "r" + chunk.substr(1), 1, &shed);
  EXPECT_EQ(queue.Take(false, 2 * chunk.size()).bytes[0], 'e');
  EXPECT_EQ(queue.Take(false, 1).bytes[0], 'i') << "one chunk at least";
  EXPECT_EQ(queue.Take(false, 1).items, 0u);
}

TEST(ExportQueueTest, AnItemLargerThanTheRoomIsCountedAndPushesNobodyOut) {
  ExportQueue queue(kRoom);
  Shed shed;
  queue.Push(Rank::kInner, kSpan, 1, &shed);
  queue.Push(Rank::kMetrics, std::string(kRoom, 'm'), 7, &shed);
  EXPECT_EQ(shed.points_full, 7u);
  EXPECT_EQ(queue.spans(), 1u);
}

TEST(ExportQueueTest, SumsHoldOverRandomOperations) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  ExportQueue queue(kRoom);
  Shed shed;
  uint64_t pushed = 0, taken = 0;
  for (int i = 0; i < 20'000; ++i) {
    const uint64_t what = random() % 100;
    if (what < 96) {
      queue.Push(static_cast<Rank>(random() % kRanks), std::string(random() % 3000, 'x'), 1, &shed);
      ++pushed;
    } else if (what < 98) {
      const Batch batch = queue.Take(random() % 2 == 0, random() % 100'000);
      taken += batch.items;
      queue.Release(batch.charged);
    } else {
      queue.SetPressure(static_cast<Pressure>(random() % 3), &shed);
    }
    ASSERT_LE(queue.bytes(), queue.limit());
    ASSERT_EQ(pushed, taken + queue.spans() + queue.points() + shed.spans_full +
                          shed.spans_pressure + shed.points_full + shed.points_pressure);
  }
  queue.Clear();
  EXPECT_EQ(queue.bytes(), 0u);
}

}  // namespace
}  // namespace tidemark::sdk
