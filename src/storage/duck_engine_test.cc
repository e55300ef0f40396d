#include "storage/duck_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <thread>

#include "storage/duckdb_raii.h"
#include "storage/store_test_util.h"

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kT = kTestTimeNs;

std::unique_ptr<Engine> MustOpenEngine(const std::string& directory) {
  auto engine = OpenDuckEngine({.directory = directory});
  if (!engine) ADD_FAILURE() << engine.error().message;
  return engine ? std::move(*engine) : nullptr;
}

PartitionRows PointRows(int64_t start_ns, uint64_t batch_id, std::vector<double> values) {
  const size_t n = values.size();
  return {TableGroup::kPoints,
          start_ns,
          {{"points",
            {UInt64Column(n, 1), Int64Column(n, start_ns), Float64Column(std::move(values)),
             UInt64Column(n, batch_id), UInt64Column(n, batch_id)}}}};
}

PartitionRows ProfileRows(int64_t start_ns, uint64_t batch_id) {
  return {TableGroup::kProfiles,
          start_ns,
          {{"samples",
            {Int64Column{start_ns}, UInt64Column{1}, UInt64Column{2}, Int64Column{3},
             Int64Column{4}, Int64Column{5}, Int64Column{6}, UInt64Column{batch_id}}}}};
}

std::vector<double> Values(Engine* engine) {
  std::vector<double> values;
  const Sql sql("SELECT value FROM {table:points} ORDER BY value", TableGroup::kPoints);
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    values.insert(values.end(), chunk.Float64(0).begin(), chunk.Float64(0).end());
    return {};
  });
  if (!read) ADD_FAILURE() << read.error().message;
  return values;
}

Result<void> Ignore(const ColumnChunk&) { return {}; }

TEST(DuckEngineTest, TheLoadedLibraryIsThePinnedOne) { EXPECT_EQ(DuckVersion(), "1.5.6"); }

TEST(DuckEngineTest, ABatchIsWrittenOnce) {
  TestDirectory directory;
  const auto engine = MustOpenEngine(directory.path());
  const std::vector<PartitionRows> rows = {PointRows(kT, 1, {1.5})};
  ASSERT_TRUE(engine->Append(1, rows));
  ASSERT_TRUE(engine->Append(1, rows));
  EXPECT_THAT(Values(engine.get()), ElementsAre(1.5));
  EXPECT_EQ(engine->last_batch_id(), 1u);
}

TEST(DuckEngineTest, ABatchThatFailsInOnePartitionIsInNone) {
  TestDirectory directory;
  const auto engine = MustOpenEngine(directory.path());
  PartitionRows uneven = ProfileRows(kT, 1);
  std::get<Int64Column>(uneven.tables[0].columns[0]).push_back(7);
  const std::vector<PartitionRows> rows = {PointRows(kT, 1, {1.5}), uneven};
  EXPECT_FALSE(engine->Append(1, rows));
  EXPECT_TRUE(Values(engine.get()).empty());
  EXPECT_EQ(engine->last_batch_id(), 0u);
  const std::vector<PartitionRows> whole = {PointRows(kT, 1, {2.5}), ProfileRows(kT, 1)};
  ASSERT_TRUE(engine->Append(1, whole));
  EXPECT_THAT(Values(engine.get()), ElementsAre(2.5));
}

// A crash between two commits, made by hand: the last batch of one file is deleted while its other
// file has it.
TEST(DuckEngineTest, ATornBatchIsTakenOutAtOpening) {
  TestDirectory directory;
  {
    const auto engine = MustOpenEngine(directory.path());
    for (uint64_t batch = 1; batch <= 2; ++batch) {
      const std::vector<PartitionRows> rows = {PointRows(kT, batch, {static_cast<double>(batch)}),
                                               ProfileRows(kT, batch)};
      ASSERT_TRUE(engine->Append(batch, rows));
    }
  }
  {
    duck::Database database;
    duck::Connection connection;
    const std::string file =
        directory.path() + "/profiles/" + std::to_string(kT / kNsPerSecond) + ".duckdb";
    ASSERT_EQ(duckdb_open(file.c_str(), database.out()), DuckDBSuccess);
    ASSERT_EQ(duckdb_connect(database.get(), connection.out()), DuckDBSuccess);
    for (const char* table : {"samples", "batches"}) {
      ASSERT_TRUE(duck::Run(connection.get(),
                            std::string("DELETE FROM ") + table + " WHERE batch_id = 2", "test"));
    }
  }
  const auto engine = MustOpenEngine(directory.path());
  EXPECT_THAT(Values(engine.get()), ElementsAre(1.0));
  EXPECT_EQ(engine->health().torn_batches, 1u);
}

TEST(DuckEngineTest, APartitionOutsideTheRangeIsNotRead) {
  TestDirectory directory;
  const auto engine = MustOpenEngine(directory.path());
  const int64_t day = 24 * kNsPerHour;
  const std::vector<PartitionRows> rows = {PointRows(kT, 1, {1}), PointRows(kT + day, 1, {2})};
  ASSERT_TRUE(engine->Append(1, rows));
  size_t rows_read = 0;
  const Sql sql("SELECT value FROM {table:points}", TableGroup::kPoints, {kT, kT + day});
  ASSERT_TRUE(engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    rows_read += chunk.rows;
    return {};
  }));
  EXPECT_EQ(rows_read, 1u);
  EXPECT_THAT(engine->Partitions(TableGroup::kPoints), ElementsAre(kT, kT + day));
}

TEST(DuckEngineTest, QueriesEndAtTheirDeadlineTheirRowsAndTheirCancellation) {
  TestDirectory directory;
  const auto engine = MustOpenEngine(directory.path());
  const Sql endless(
      "SELECT toUInt64(count(*)) FROM range(100000000) AS a, range(100000000) AS b "
      "WHERE a.range + b.range = 7",
      TableGroup::kPoints);
  QueryLimits limits;
  limits.timeout_ns = 50'000'000;
  const auto late = engine->Query(endless, limits, Ignore);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(late.error().message, HasSubstr("longer than"));

  std::atomic<bool> cancel = false;
  limits = {};
  limits.cancel = &cancel;
  std::thread canceller([&] { cancel = true; });
  const auto cancelled = engine->Query(endless, limits, Ignore);
  canceller.join();
  ASSERT_FALSE(cancelled);
  EXPECT_THAT(cancelled.error().message, HasSubstr("cancelled"));

  limits = {};
  limits.max_rows = 10;
  const Sql many("SELECT range FROM range(11)", TableGroup::kPoints);
  EXPECT_EQ(engine->Query(many, limits, Ignore).error().code, ErrorCode::kResourceExhausted);
  // The connections are as good as before.
  EXPECT_TRUE(engine->Query(Sql("SELECT range FROM range(3)", TableGroup::kPoints), {}, Ignore));
}

TEST(DuckEngineTest, NothingOutsideTheDirectoryCanBeRead) {
  TestDirectory directory;
  const auto engine = MustOpenEngine(directory.path());
  for (const char* text :
       {"SELECT * FROM read_csv('/etc/passwd')", "COPY (SELECT 1) TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.duckdb'", "INSTALL httpfs", "SET threads = 8"}) {
    EXPECT_FALSE(engine->Query(Sql(text, TableGroup::kPoints), {}, Ignore)) << text;
  }
}

TEST(DuckEngineTest, AResultOfAnotherTypeIsAnErrorNotARead) {
  TestDirectory directory;
  const auto engine = MustOpenEngine(directory.path());
  for (const char* text : {"SELECT 1::SMALLINT", "SELECT NULL::BIGINT", "SELECT 'text'"}) {
    const auto result = engine->Query(Sql(text, TableGroup::kPoints), {}, Ignore);
    ASSERT_FALSE(result) << text;
    EXPECT_EQ(result.error().code, ErrorCode::kInternal);
  }
}

TEST(DuckEngineTest, AFileOfAnotherSchemaVersionIsRefused) {
  TestDirectory directory;
  {
    const auto engine = MustOpenEngine(directory.path());
    const std::vector<PartitionRows> rows = {PointRows(kT, 1, {1})};
    ASSERT_TRUE(engine->Append(1, rows));
  }
  {
    duck::Database database;
    duck::Connection connection;
    const std::string file =
        directory.path() + "/points/" + std::to_string(kT / kNsPerSecond) + ".duckdb";
    ASSERT_EQ(duckdb_open(file.c_str(), database.out()), DuckDBSuccess);
    ASSERT_EQ(duckdb_connect(database.get(), connection.out()), DuckDBSuccess);
    ASSERT_TRUE(duck::Run(connection.get(), "UPDATE layout SET version = 999", "test"));
  }
  const auto refused = OpenDuckEngine({.directory = directory.path()});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("schema version 999"));
}

TEST(DuckEngineTest, ColumnsOfEveryTypeComeBack) {
  TestDirectory directory;
  const auto engine = MustOpenEngine(directory.path());
  // More rows than one of DuckDB's vectors, lists of every length from 0 to 4.
  const size_t n = 5'000;
  UInt64Column refs, ids;
  UInt64ListColumn frames;
  for (size_t i = 0; i < n; ++i) {
    refs.push_back(i);
    ids.push_back(UINT64_MAX - i);
    frames.push_back(std::vector<uint64_t>(i % 5, UINT64_MAX - i));
  }
  const std::vector<PartitionRows> rows = {
      {TableGroup::kProfiles, kT, {{"stacks", {refs, ids, frames}}}}};
  ASSERT_TRUE(engine->Append(1, rows));
  UInt64Column read_ids;
  UInt64ListColumn read_frames;
  const Sql sql("SELECT stack_id, frames FROM {table:stacks} ORDER BY stack_ref",
                TableGroup::kProfiles);
  ASSERT_TRUE(engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    read_ids.insert(read_ids.end(), chunk.UInt64(0).begin(), chunk.UInt64(0).end());
    read_frames.insert(read_frames.end(), chunk.UInt64Lists(1).begin(), chunk.UInt64Lists(1).end());
    return {};
  }));
  EXPECT_EQ(read_ids, ids);
  EXPECT_EQ(read_frames, frames);
}

}  // namespace
}  // namespace tidemark
