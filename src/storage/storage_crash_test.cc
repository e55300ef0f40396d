// Acknowledged means kept: a writer is killed at random moments and what it had acknowledged is
// looked for.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "storage/store.h"
#include "storage/store_test_util.h"

namespace tidemark {
namespace {

constexpr int kRounds = 6;
constexpr int64_t kT = kTestTimeNs;
constexpr size_t kPointsPerUnit = 20;

// Unit `id` carries points in two days and a profile, so that its commit spans three files.
WriteUnit UnitOf(uint64_t id) {
  const Resource resource = TestResource("cart", "1.0", "a");
  const auto step = static_cast<int64_t>(id) * 1'000'000;
  WriteUnit unit;
  MetricBatch batch{resource, {}};
  for (size_t i = 0; i < kPointsPerUnit; ++i) {
    const int64_t day = i % 2 == 0 ? 0 : 24 * kNsPerHour;
    batch.points.push_back(
        Gauge("unit", kT - day + step + static_cast<int64_t>(i), static_cast<double>(id)));
  }
  unit.metrics.push_back(std::move(batch));
  unit.profiles.push_back(
      {resource, TestProfile(kT + step, {{{"unit_" + std::to_string(id), "main"}, 64'000, {}}})});
  return unit;
}

// Appends units first, first + 1, ... without end, eight at a time, and writes the id of each
// acknowledged one to `pipe`.
[[noreturn]] void WriteUntilKilled(const std::string& directory, uint64_t first, int pipe) {
  StoreOptions options = TestOptions(directory);
  options.commit_interval_ns = 2'000'000;
  auto store = Store::Open(options);
  if (!store) _exit(1);
  std::atomic<uint64_t> in_flight = 0;
  for (uint64_t id = first;; ++id) {
    while (in_flight >= 8) in_flight.wait(in_flight);
    ++in_flight;
    (*store)->Append(UnitOf(id), [id, pipe, &in_flight](Result<void> result) {
      // Eight bytes go whole through a pipe.
      if (result && write(pipe, &id, sizeof id) != sizeof id) _exit(2);
      --in_flight;
      in_flight.notify_one();
    });
  }
}

struct Found {
  std::map<uint64_t, size_t> points;  // by unit
  std::set<uint64_t> profiles;
};

Found Read(Store* store) {
  Found found;
  const auto series = store->ReadSeries({.metric = "unit"});
  EXPECT_TRUE(series) << series.error().message;
  if (series && !series->empty()) {
    EXPECT_EQ(series->size(), 1u);
    for (const SeriesPoint& point : series->at(0).points) {
      ++found.points[static_cast<uint64_t>(point.value)];
    }
  }
  const auto profile = store->ReadProfile({});
  if (profile) {
    for (const Function& function : profile->functions) {
      if (function.name.starts_with("unit_"))
        found.profiles.insert(std::stoull(function.name.substr(5)));
    }
  }
  return found;
}

// Runs a writer, kills it after `acknowledgements` of them, and adds what it acknowledged.
void KillAWriter(const std::string& directory, uint64_t first, size_t acknowledgements,
                 std::set<uint64_t>* acknowledged) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  const pid_t writer = fork();
  ASSERT_GE(writer, 0);
  if (writer == 0) WriteUntilKilled(directory, first, ends[1]);
  close(ends[1]);
  uint64_t id = 0;
  for (size_t count = 1; read(ends[0], &id, sizeof id) == sizeof id; ++count) {
    acknowledged->insert(id);
    // The writer goes on meanwhile: the blow falls somewhere in what it does then.
    if (count == acknowledgements) kill(writer, SIGKILL);
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(writer, &status, 0), writer);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself with status " << status;
}

TEST(StorageCrashTest, WhatWasAcknowledgedSurvivesKill) {
  const char* chosen = std::getenv("TIDEMARK_TEST_SEED");
  const uint64_t seed = chosen != nullptr ? std::stoull(chosen) : std::random_device()();
  std::printf("seed %llu (TIDEMARK_TEST_SEED repeats it)\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  TestDirectory directory;
  std::set<uint64_t> acknowledged;
  uint64_t first = 1;
  for (int round = 0; round < kRounds; ++round) {
    ASSERT_NO_FATAL_FAILURE(
        KillAWriter(directory.path(), first, 1 + random() % 150, &acknowledged));
    const auto store = MustOpen(TestOptions(directory.path()));
    ASSERT_NE(store, nullptr);
    const Found found = Read(store.get());
    for (const uint64_t id : acknowledged) {
      ASSERT_TRUE(found.points.contains(id)) << "points of unit " << id << " are lost";
      ASSERT_TRUE(found.profiles.contains(id)) << "the profile of unit " << id << " is lost";
    }
    for (const auto& [id, points] : found.points) {
      EXPECT_EQ(points, kPointsPerUnit) << "unit " << id << " is torn";
      EXPECT_TRUE(found.profiles.contains(id)) << "unit " << id << " is torn";
    }
    for (const uint64_t id : found.profiles) {
      EXPECT_TRUE(found.points.contains(id)) << "unit " << id << " is torn";
    }
    EXPECT_EQ(store->stats().quarantined_files, 0u);
    first = std::max(first, found.points.empty() ? 0 : found.points.rbegin()->first) + 1;
  }
  EXPECT_GE(acknowledged.size(), static_cast<size_t>(kRounds));
}

}  // namespace
}  // namespace tidemark
