#include "tidemark/leak_detector.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <thread>

namespace tidemark::sdk {
namespace {

constexpr int64_t kStart = 1'767'225'600'000'000'000, kTenSeconds = 10'000'000'000;
constexpr double kMiB = 1 << 20;

MetricPoint PointOf(const char* name, int64_t time_ns, double value) {
  MetricPoint point;
  point.name = name;
  point.unit = "By";
  point.time_unix_ns = time_ns;
  point.value = value;
  return point;
}

// A service of 200 MiB that breathes a little and gains `mib_per_hour`, for `hours`.
template <typename Observe>
void Replay(double hours, double mib_per_hour, const Observe& observe) {
  const auto points = static_cast<int64_t>(hours * 360);
  for (int64_t i = 0; i < points; ++i) {
    const double t = static_cast<double>(i) / 360;
    const double breath = 2 * std::sin(static_cast<double>(i) * 0.9) + std::sin(t * 5);
    observe(kStart + i * kTenSeconds, (200 + breath + mib_per_hour * t) * kMiB);
  }
}

TEST(LeakDetectorTest, ALeakIsReportedOnceOpenedWithItsRate) {
  std::vector<LeakReport> reports;
  LeakDetector detector({}, [&](const LeakReport& report) { reports.push_back(report); });
  Replay(6, 40, [&](int64_t time_ns, double bytes) {
    detector.Observe(Series::kHeap, time_ns, bytes);
    detector.Observe(Series::kRss, time_ns, bytes * 1.2);
    detector.Observe(Series::kLimit, time_ns, 1024 * kMiB);
  });
  ASSERT_FALSE(reports.empty());
  const LeakReport& first = reports.front();
  EXPECT_EQ(first.kind, "heap");
  EXPECT_FALSE(first.closed);
  EXPECT_EQ(first.id.size(), 16u);
  EXPECT_NEAR(first.bytes_per_hour / kMiB, 40, 12);
  EXPECT_LE(first.low, first.bytes_per_hour);
  EXPECT_GE(first.high, first.bytes_per_hour);
  EXPECT_GT(first.confidence, 0.5);
  EXPECT_GE(first.onset_unix_ns, kStart - 3600 * kTenSeconds / 10);
  EXPECT_LT(first.onset_unix_ns, first.detected_unix_ns);
  EXPECT_GT(first.limit_reached_unix_ns, first.detected_unix_ns);
  for (const LeakReport& report : reports) EXPECT_EQ(report.id, first.id);
}

TEST(LeakDetectorTest, AServiceThatStaysIsNotReported) {
  int reports = 0;
  LeakDetector detector({}, [&](const LeakReport&) { ++reports; });
  Replay(12, 0, [&](int64_t time_ns, double bytes) {
    detector.Observe({PointOf("tidemark.allocator.in_use", time_ns, bytes),
                      PointOf("process.memory.usage", time_ns, bytes * 1.2),
                      PointOf("something.else", time_ns, 1e12)});
  });
  EXPECT_EQ(reports, 0);
  EXPECT_EQ(detector.stats().points, 2u * 12 * 360);
}

TEST(LeakDetectorTest, OnceLiveBytesAreKnownTheAllocatorsFigureIsLeftOut) {
  LeakDetector detector({}, nullptr);
  detector.Observe({PointOf("tidemark.allocator.in_use", kStart, 900 * kMiB),
                    PointOf("tidemark.heap.live", kStart, 100 * kMiB)});
  detector.Observe({PointOf("tidemark.allocator.in_use", kStart + kTenSeconds, 900 * kMiB)});
  EXPECT_EQ(detector.stats().points, 1u);
}

TEST(LeakDetectorTest, WhatCannotBeIsRefusedAndCounted) {
  LeakDetector detector({}, nullptr);
  detector.Observe(Series::kHeap, kStart, NAN);
  detector.Observe(Series::kHeap, kStart, -1);
  EXPECT_EQ(detector.stats().points, 0u);
  EXPECT_EQ(detector.stats().refused, 2u);
}

TEST(LeakDetectorTest, TheCallbackMayAskAndThreadsMayObserve) {
  std::atomic<uint64_t> seen = 0;  // either thread may be told
  std::atomic<int64_t> now_ns = kStart;
  std::atomic<bool> done = false;
  LeakDetector* self = nullptr;
  LeakDetector detector({}, [&](const LeakReport&) { seen = self->stats().points; });
  self = &detector;
  std::thread other([&] {
    while (!done) detector.Observe(Series::kRequestRate, now_ns, 100);
  });
  Replay(4, 60, [&](int64_t time_ns, double bytes) {
    now_ns = time_ns;
    detector.Observe(Series::kHeap, time_ns, bytes);
  });
  done = true;
  other.join();
  EXPECT_GT(seen, 0u);
}

}  // namespace
}  // namespace tidemark::sdk
