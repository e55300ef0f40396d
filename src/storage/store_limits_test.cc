// What the store refuses, drops and counts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "storage/store.h"
#include "storage/store_test_util.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kT = kTestTimeNs;
constexpr int64_t kDay = 24 * kNsPerHour;

WriteUnit OnePoint(int64_t time_ns) {
  return PointUnit(TestResource("cart", "1.0", "a"), {Gauge("heap", time_ns, 1)});
}

size_t CountPoints(Store* store) {
  const auto series = store->ReadSeries({.metric = "heap"});
  if (!series) ADD_FAILURE() << series.error().message;
  return series && !series->empty() ? series->at(0).points.size() : 0;
}

// Polls until `condition` holds, for ten seconds at most.
bool Eventually(const std::function<bool()>& condition) {
  const int64_t deadline_ns = SteadyClockNs() + 10 * kNsPerSecond;
  while (!condition()) {
    if (SteadyClockNs() > deadline_ns) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

TEST(StoreLimitsTest, WhatIsOlderThanRetentionOrInTheFutureIsDroppedAndCounted) {
  TestDirectory directory;
  StoreOptions options = TestOptions(directory.path());
  options.retention_ns = 3 * kDay;
  const auto store = MustOpen(options);
  ASSERT_TRUE(store->AppendAndWait(OnePoint(kT)));
  ASSERT_TRUE(store->AppendAndWait(OnePoint(kT - 3 * kDay + 1)));
  ASSERT_TRUE(store->AppendAndWait(OnePoint(kT - 3 * kDay - 1)));
  ASSERT_TRUE(store->AppendAndWait(OnePoint(0)));
  ASSERT_TRUE(store->AppendAndWait(OnePoint(-5)));
  ASSERT_TRUE(store->AppendAndWait(OnePoint(INT64_MAX)));
  ASSERT_TRUE(store->AppendAndWait(OnePoint(kT + 2 * kDay)));
  EXPECT_EQ(store->stats().late_points, 5u);
  EXPECT_EQ(CountPoints(store.get()), 2u);
  Profile late = TestProfile(kT - 4 * kDay, {{{"main"}, 64, {}}});
  ASSERT_TRUE(store->AppendAndWait(ProfileUnit(TestResource("cart", "1.0", "a"), late)));
  EXPECT_EQ(store->stats().late_profiles, 1u);
}

TEST(StoreLimitsTest, PartitionsOlderThanRetentionGoFromTheDisk) {
  TestDirectory directory;
  StoreOptions options = TestOptions(directory.path());
  options.retention_ns = 2 * kDay;
  options.housekeeping_interval_ns = 0;
  const auto store = MustOpen(options);
  ASSERT_TRUE(store->AppendAndWait(OnePoint(kT - 5 * kDay)));
  ASSERT_TRUE(store->AppendAndWait(OnePoint(kT - 4 * kDay)));
  ASSERT_TRUE(store->AppendAndWait(OnePoint(kT)));
  EXPECT_TRUE(Eventually([&] { return store->stats().partitions == 1; }));
  EXPECT_EQ(store->stats().dropped_partitions, 2u);
  EXPECT_EQ(CountPoints(store.get()), 1u);
  const auto files = [&] {
    size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory.path() + "/points")) {
      count += entry.path().extension() == ".duckdb" ? 1 : 0;
    }
    return count;
  };
  EXPECT_TRUE(Eventually([&] { return files() == 1; }));
}

TEST(StoreLimitsTest, AboveTheDiskCapTheOldestPartitionsGo) {
  TestDirectory directory;
  StoreOptions options = TestOptions(directory.path());
  options.housekeeping_interval_ns = 0;
  options.max_disk_bytes = 2'500'000;  // an empty partition takes about 270 kB, its first log more
  const auto store = MustOpen(options);
  for (int day = -12; day <= 0; ++day) {
    ASSERT_TRUE(store->AppendAndWait(OnePoint(kT + day * kDay)));
  }
  EXPECT_TRUE(Eventually([&] { return store->stats().disk_bytes <= options.max_disk_bytes; }));
  EXPECT_GT(store->stats().dropped_partitions, 0u);
  const auto series = *store->ReadSeries({.metric = "heap"});
  ASSERT_EQ(series.size(), 1u);
  EXPECT_EQ(series[0].points.back().time_ns, kT);
  EXPECT_GT(series[0].points.front().time_ns, kT - 12 * kDay);
  // What went stays away: its time is late now.
  const uint64_t late = store->stats().late_points;
  ASSERT_TRUE(store->AppendAndWait(OnePoint(kT - 12 * kDay)));
  EXPECT_EQ(store->stats().late_points, late + 1);
}

TEST(StoreLimitsTest, MoreThanThePendingBytesIsRefusedAsRetryable) {
  TestDirectory directory;
  StoreOptions options = TestOptions(directory.path());
  options.max_pending_bytes = 64 << 10;
  const auto store = MustOpen(options);
  // The writer is held inside the first answer, so that the queue can only grow.
  std::mutex mutex;
  std::condition_variable changed;
  bool held = false, release = false;
  store->Append(OnePoint(kT), [&](Result<void>) {
    std::unique_lock lock(mutex);
    held = true;
    changed.notify_all();
    changed.wait(lock, [&] { return release; });
  });
  {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return held; });
  }
  std::atomic<int> kept = 0, refused = 0, wrong = 0;
  const int kUnits = 2'000;
  for (int i = 1; i <= kUnits; ++i) {
    store->Append(OnePoint(kT + i), [&](Result<void> result) {
      if (result) {
        ++kept;
      } else if (result.error().code == ErrorCode::kResourceExhausted && result.error().retryable) {
        ++refused;
      } else {
        ++wrong;
      }
    });
  }
  EXPECT_GT(refused, 0);
  EXPECT_LE(store->stats().pending_bytes, options.max_pending_bytes);
  {
    std::lock_guard lock(mutex);
    release = true;
  }
  changed.notify_all();
  EXPECT_TRUE(Eventually([&] { return kept + refused + wrong == kUnits; }));
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(store->stats().refused_units, static_cast<uint64_t>(refused));
  EXPECT_EQ(CountPoints(store.get()), static_cast<size_t>(kept) + 1);
}

TEST(StoreLimitsTest, AUnitThatCanNeverFitIsRefusedForGood) {
  TestDirectory directory;
  StoreOptions options = TestOptions(directory.path());
  options.max_pending_bytes = 1'000;
  const auto store = MustOpen(options);
  WriteUnit unit =
      PointUnit(TestResource("cart", "1.0", "a"), std::vector<Point>(100, Gauge("heap", kT, 1)));
  const auto refused = store->AppendAndWait(std::move(unit));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(refused.error().retryable);
}

TEST(StoreLimitsTest, ClosingCommitsWhatIsPending) {
  TestDirectory directory;
  std::atomic<int> kept = 0;
  {
    StoreOptions options = TestOptions(directory.path());
    options.commit_interval_ns = 250'000'000;
    const auto store = MustOpen(options);
    for (int i = 0; i < 50; ++i) {
      store->Append(OnePoint(kT + i), [&](Result<void> result) { kept += result ? 1 : 0; });
    }
  }
  EXPECT_EQ(kept, 50);
  EXPECT_EQ(CountPoints(MustOpen(TestOptions(directory.path())).get()), 50u);
}

TEST(StoreLimitsTest, ASecondStoreOnTheDirectoryIsRefused) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  const auto same = Store::Open(TestOptions(directory.path()));
  ASSERT_FALSE(same);
  EXPECT_EQ(same.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(same.error().message, HasSubstr("in use by process " + std::to_string(getpid())));
}

TEST(StoreLimitsTest, ASecondProcessOnTheDirectoryIsRefusedAndTheFirstGoesOn) {
  TestDirectory directory;
  int ready[2], end[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(end), 0);
  const pid_t owner = fork();
  ASSERT_GE(owner, 0);
  if (owner == 0) {
    auto store = Store::Open(TestOptions(directory.path()));
    char byte = store ? 'y' : 'n';
    if (write(ready[1], &byte, 1) != 1) _exit(2);
    if (read(end[0], &byte, 1) != 1) _exit(3);
    const bool kept = store && (*store)->AppendAndWait(OnePoint(kT)).has_value();
    store = Internal("closed");
    _exit(kept ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  ASSERT_EQ(byte, 'y');
  const auto second = Store::Open(TestOptions(directory.path()));
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("process " + std::to_string(owner)));
  ASSERT_EQ(write(end[1], &byte, 1), 1);
  int status = 0;
  ASSERT_EQ(waitpid(owner, &status, 0), owner);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(CountPoints(MustOpen(TestOptions(directory.path())).get()), 1u);
  for (const int descriptor : {ready[0], ready[1], end[0], end[1]}) close(descriptor);
}

TEST(StoreLimitsTest, QueriesGoOnWhilePartitionsAreDropped) {
  TestDirectory directory;
  StoreOptions options = TestOptions(directory.path());
  options.retention_ns = kDay;
  options.housekeeping_interval_ns = 0;
  const auto store = MustOpen(options);
  std::atomic<bool> stop = false;
  std::atomic<int> reads = 0, failures = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        ++reads;
        if (!store->ReadSeries({.metric = "heap"})) ++failures;
      }
    });
  }
  for (int day = -20; day <= 0; ++day) {
    EXPECT_TRUE(store->AppendAndWait(OnePoint(kT + day * kDay)));
  }
  EXPECT_TRUE(Eventually([&] { return reads > 20; }));
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(failures, 0);
  EXPECT_TRUE(Eventually([&] { return store->stats().partitions <= 2; }));
}

}  // namespace
}  // namespace tidemark
