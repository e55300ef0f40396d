// Files that were changed behind the store's back, and a disk that refuses.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <fstream>
#include <random>

#include "storage/duck_engine.h"
#include "storage/store.h"
#include "storage/store_test_util.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kT = kTestTimeNs;
constexpr int64_t kDay = 24 * kNsPerHour;

WriteUnit Points(int64_t first_ns, int count) {
  std::vector<Point> points;
  // Values without pattern, so that they fill blocks.
  std::mt19937_64 random(static_cast<uint64_t>(first_ns));
  for (int i = 0; i < count; ++i) {
    points.push_back(Gauge("heap", first_ns + i, static_cast<double>(random())));
  }
  return PointUnit(TestResource("cart", "1.0", "a"), std::move(points));
}

std::string PartitionFile(const std::string& directory, int64_t start_ns) {
  return directory + "/points/" + std::to_string(start_ns / kNsPerSecond) + ".duckdb";
}

size_t CountPoints(Store* store) {
  const auto series = store->ReadSeries({.metric = "heap", .max_points = 4'900'000});
  if (!series) ADD_FAILURE() << series.error().message;
  return series && !series->empty() ? series->at(0).points.size() : 0;
}

void FlipBytes(const std::string& path, int64_t offset, int64_t count) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  ASSERT_TRUE(file) << path;
  std::string bytes(static_cast<size_t>(count), 0);
  file.seekg(offset);
  file.read(bytes.data(), count);
  ASSERT_EQ(file.gcount(), count);
  for (char& byte : bytes) byte = static_cast<char>(byte ^ 0x5a);
  file.seekp(offset);
  file.write(bytes.data(), count);
}

// Runs `body` in a process of its own that ends without closing anything, as a crash does.
void InProcessThatDies(const std::function<bool()>& body) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
}

class StoreDamageTest : public ::testing::Test {
 protected:
  // 100 points on each of three days, left in the logs.
  void WriteThreeDaysAndDie() {
    InProcessThatDies([&] {
      auto store = Store::Open(TestOptions(directory_.path()));
      if (!store) return false;
      bool kept = true;
      for (int day = -2; day <= 0; ++day) {
        kept &= (*store)->AppendAndWait(Points(kT + day * kDay, 100)).has_value();
      }
      return kept && static_cast<bool>(store->release());
    });
  }
  // The same, closed properly: all in the files.
  void WriteThreeDays(int points) {
    const auto store = MustOpen(TestOptions(directory_.path()));
    for (int day = -2; day <= 0; ++day) {
      ASSERT_TRUE(store->AppendAndWait(Points(kT + day * kDay, points)));
    }
  }
  TestDirectory directory_;
};

TEST_F(StoreDamageTest, ADamagedLogIsSetAsideAndTheOtherDaysStay) {
  WriteThreeDaysAndDie();
  const std::string log = PartitionFile(directory_.path(), kT - kDay) + ".wal";
  FlipBytes(log, static_cast<int64_t>(std::filesystem::file_size(log) / 2), 64);
  const auto store = MustOpen(TestOptions(directory_.path()));
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(CountPoints(store.get()), 200u);
  EXPECT_EQ(store->stats().quarantined_files, 1u);
  EXPECT_FALSE(std::filesystem::is_empty(directory_.path() + "/quarantine"));
  // The day can be written to again, its names included.
  ASSERT_TRUE(store->AppendAndWait(Points(kT - kDay, 10)));
  EXPECT_EQ(CountPoints(store.get()), 210u);
}

TEST_F(StoreDamageTest, ALogThatWasCutShortKeepsItsWholeCommits) {
  InProcessThatDies([&] {
    auto store = Store::Open(TestOptions(directory_.path()));
    bool kept = store.has_value();
    for (int i = 0; kept && i < 5; ++i) {
      kept = (*store)->AppendAndWait(Points(kT + i * 1000, 10)).has_value();
    }
    return kept && static_cast<bool>(store->release());
  });
  const std::string log = PartitionFile(directory_.path(), kT) + ".wal";
  std::filesystem::resize_file(log, std::filesystem::file_size(log) - 20);
  const auto store = MustOpen(TestOptions(directory_.path()));
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(CountPoints(store.get()), 40u);
}

TEST_F(StoreDamageTest, ADamagedFileIsSetAsideAndTheOtherDaysStay) {
  WriteThreeDays(100);
  FlipBytes(PartitionFile(directory_.path(), kT - kDay), 0, 12 * 1024);
  const auto store = MustOpen(TestOptions(directory_.path()));
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(CountPoints(store.get()), 200u);
  EXPECT_EQ(store->stats().quarantined_files, 1u);
  ASSERT_TRUE(store->AppendAndWait(Points(kT - kDay, 10)));
  EXPECT_EQ(CountPoints(store.get()), 210u);
}

TEST_F(StoreDamageTest, AnEmptyFileIsSetAside) {
  WriteThreeDays(100);
  std::filesystem::resize_file(PartitionFile(directory_.path(), kT), 0);
  const auto store = MustOpen(TestOptions(directory_.path()));
  ASSERT_NE(store, nullptr);
  ASSERT_TRUE(store->AppendAndWait(Points(kT, 10)));
  EXPECT_EQ(CountPoints(store.get()), 210u);
}

TEST_F(StoreDamageTest, ADamagedBlockFoundByAQueryIsSetAsideWithItsFile) {
  const int kPoints = 200'000;
  WriteThreeDays(kPoints);
  const std::string file = PartitionFile(directory_.path(), kT - kDay);
  // Data blocks of 256 KiB begin behind three headers of 4 KiB; the metadata at the end stays
  // whole.
  FlipBytes(file, 12 * 1024 + 256 * 1024 / 2, 256 * 1024 * 3);
  const auto store = MustOpen(TestOptions(directory_.path()));
  ASSERT_NE(store, nullptr);
  const auto series = store->ReadSeries({.metric = "heap"});
  ASSERT_TRUE(series) << series.error().message;
  ASSERT_EQ(series->size(), 1u);
  EXPECT_EQ(series->at(0).points.size(), 2u * kPoints);
  ASSERT_TRUE(store->AppendAndWait(Points(kT - kDay, 10)));
  EXPECT_GE(store->stats().quarantined_files, 1u);
  EXPECT_EQ(CountPoints(store.get()), 2u * kPoints + 10);
}

TEST_F(StoreDamageTest, AFileThatIsNotOursIsNamed) {
  WriteThreeDays(1);
  std::ofstream(directory_.path() + "/points/notes.duckdb") << "x";
  const auto refused = Store::Open(TestOptions(directory_.path()));
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("notes.duckdb"));
}

TEST_F(StoreDamageTest, HalfMadePartitionsAreCleanedUp) {
  WriteThreeDays(1);
  const std::string half = PartitionFile(directory_.path(), kT) + ".new";
  std::ofstream(half) << "half";
  EXPECT_EQ(CountPoints(MustOpen(TestOptions(directory_.path())).get()), 3u);
  EXPECT_FALSE(std::filesystem::exists(half));
}

// Writes until the disk (a limit on the size of files) refuses, gives it room, and sends the
// refused unit again. Returns what went wrong, or "".
std::string FillTheDisk(const std::string& directory, uint64_t limit_bytes) {
  signal(SIGXFSZ, SIG_IGN);
  auto store = Store::Open(TestOptions(directory));
  if (!store) return store.error().message;
  const rlimit full{limit_bytes, RLIM_INFINITY}, free{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &full);
  constexpr int kBatch = 20'000;
  int units = 0;
  Result<void> result;
  while (result && units < 400) {
    result = (*store)->AppendAndWait(Points(kT + units * kBatch, kBatch));
    units += result ? 1 : 0;
  }
  if (result) return "the limit was never met";
  if (!result.error().retryable) return "not retryable: " + result.error().message;
  setrlimit(RLIMIT_FSIZE, &free);
  for (int more = 0; more < 3; ++more, ++units) {
    result = (*store)->AppendAndWait(Points(kT + units * kBatch, kBatch));
    if (!result) return result.error().message;
  }
  const size_t found = CountPoints(store->get());
  const size_t wanted = static_cast<size_t>(units) * kBatch;
  return found == wanted ? "" : std::to_string(found) + " points, not " + std::to_string(wanted);
}

void ExpectToOutliveAFullDisk(uint64_t limit_bytes) {
  TestDirectory directory;
  InProcessThatDies([&] {
    const std::string error = FillTheDisk(directory.path(), limit_bytes);
    std::fprintf(stderr, "%s", error.c_str());
    return error.empty();
  });
}

TEST_F(StoreDamageTest, AfterAFullDiskMetByTheLogTheStoreGoesOn) {
  ExpectToOutliveAFullDisk(3 << 20);
}

// Past 16 MiB of log DuckDB checkpoints; when that fails it gives the file up, and the store
// attaches it anew.
TEST_F(StoreDamageTest, AfterAFullDiskMetByACheckpointTheStoreGoesOn) {
  ExpectToOutliveAFullDisk(17 << 20);
}

}  // namespace
}  // namespace tidemark
