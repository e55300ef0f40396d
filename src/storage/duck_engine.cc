#include "storage/duck_engine.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include "storage/duck_partitions.h"
#include "storage/duck_readers.h"
#include "storage/duckdb_raii.h"
#include "storage/file_lock.h"

#ifdef __SANITIZE_THREAD__
// For every program with a store: DuckDB is not instrumented, so its locks are unseen (false
// races), and its allocator takes more locks in fork() than the deadlock detector counts.
extern "C" const char* __tsan_default_options() {
  return "ignore_noninstrumented_modules=1:detect_deadlocks=0:die_after_fork=0";
}
#endif

namespace tidemark {
namespace {

constexpr const char* kMaxTemporaryBytes = "4GiB";  // what all queries together may spill

bool SaysInvalidated(const Error& error) {
  return error.message.find("has been invalidated") != std::string::npos;
}

class DuckEngine : public Engine {
 public:
  DuckEngine(DuckOptions options, FileLock lock)
      : options_(std::move(options)), lock_(std::move(lock)) {}

  Result<void> Open();

  Result<void> Append(uint64_t batch_id, std::span<const PartitionRows> partitions) override;
  uint64_t last_batch_id() const override { return partitions_->last_batch_id(); }
  Result<void> Query(const Sql& sql, const QueryLimits& limits, const ChunkSink& sink) override;
  Result<void> DropBefore(TableGroup group, int64_t time_ns) override;
  Result<void> DropToFit(uint64_t max_bytes) override;
  Result<void> Compact(TableGroup group, std::string_view table,
                       std::span<const std::string_view> keys, std::string_view version) override;
  Result<void> Maintain() override { return partitions_->Maintain(); }
  std::vector<int64_t> Partitions(TableGroup group) const override {
    return partitions_->Starts(group);
  }
  EngineHealth health() const override;
  uint64_t generation() const override { return partitions_->counts().generation; }

 private:
  Result<void> OpenDatabase();
  Result<void> FenceIn();
  Result<void> AppendTo(const Partition& partition, uint64_t batch_id, const std::string& parts,
                        const PartitionRows& rows);
  PartitionPtr NextToDrop() const;
  Result<void> QueryPinned(const Sql& sql, const std::vector<PartitionPtr>& pinned,
                           const QueryLimits& limits, const ChunkSink& sink);

  const DuckOptions options_;
  // In this order: each needs what stands before it.
  FileLock lock_;
  duck::Database database_;
  duck::Connection writer_;
  std::optional<DuckPartitions> partitions_;
  std::optional<DuckReaders> readers_;
  bool broken_ = false;  // the writer's: a batch could not be taken back; only opening anew can
};

Result<void> DuckEngine::Open() {
  const DuckFiles files(options_.directory);
  TIDEMARK_RETURN_IF_ERROR(files.Prepare());
  TIDEMARK_RETURN_IF_ERROR(OpenDatabase());
  TIDEMARK_RETURN_IF_ERROR(FenceIn());
  readers_.emplace(database_.get());
  partitions_.emplace(files, writer_.get());
  return partitions_->OpenAll();
}

Result<void> DuckEngine::OpenDatabase() {
  duck::Config config;
  duckdb_create_config(config.out());
  const std::string memory = std::to_string(options_.memory_limit_bytes) + "B";
  const std::string threads = std::to_string(options_.threads);
  const std::string temporary = DuckFiles(options_.directory).TemporaryDirectory();
  const std::pair<const char*, const char*> settings[] = {
      {"memory_limit", memory.c_str()},
      {"threads", threads.c_str()},
      // Freed memory goes back to the system soon, not when its own allocator next has something to
      // do.
      {"allocator_background_threads", "true"},
      {"allocator_flush_threshold", "16MB"},
      {"temp_directory", temporary.c_str()},
      {"max_temp_directory_size", kMaxTemporaryBytes},
      {"autoinstall_known_extensions", "false"},
      {"autoload_known_extensions", "false"},
      {"preserve_insertion_order", "false"},
  };
  for (const auto& [name, value] : settings) {
    if (duckdb_set_config(config.get(), name, value) == DuckDBError) {
      return Internal(std::string("DuckDB refuses setting ") + name + " = " + value);
    }
  }
  char* text = nullptr;
  if (duckdb_open_ext(":memory:", database_.out(), config.get(), &text) == DuckDBError) {
    const std::string message = text == nullptr ? "unknown error" : text;
    duckdb_free(text);
    return Internal("open DuckDB: " + message);
  }
  if (duckdb_connect(database_.get(), writer_.out()) == DuckDBError) {
    return Internal("connect to DuckDB: no connection");
  }
  return {};
}

// After this nothing outside the data directory can be read or written, whatever a statement says.
Result<void> DuckEngine::FenceIn() {
  std::vector<std::string> statements = {
      "SET allowed_directories = [" + SqlQuoted(options_.directory + "/") + "]",
      "SET enable_external_access = false",
      "SET lock_configuration = true",
  };
  // Empty tables stand in where no partition is in range.
  for (const TableGroup group : kTableGroups) {
    const std::string catalog = "none_" + std::string(GroupName(group));
    statements.push_back("ATTACH ':memory:' AS " + catalog);
    for (const TableSpec& table : TablesOf(group)) {
      statements.push_back(CreateTableSql(catalog, table));
    }
  }
  for (const std::string& statement : statements) {
    TIDEMARK_RETURN_IF_ERROR(duck::Run(writer_.get(), statement, "configure DuckDB"));
  }
  return {};
}

// --- writing

Result<void> DuckEngine::Append(uint64_t batch_id, std::span<const PartitionRows> partitions) {
  if (broken_) return Unavailable("store is read-only: a batch could not be taken back; restart");
  if (batch_id <= last_batch_id()) return {};
  std::vector<PartitionPtr> targets;
  std::string parts;
  for (const PartitionRows& rows : partitions) {
    TIDEMARK_ASSIGN_OR_RETURN(PartitionPtr partition,
                              partitions_->ForWriting(rows.group, rows.start_ns));
    targets.push_back(std::move(partition));
    if (partitions.size() > 1) parts += PartitionName(rows.group, rows.start_ns) + ";";
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    auto appended = AppendTo(*targets[i], batch_id, parts, partitions[i]);
    if (appended) continue;
    if (SaysInvalidated(appended.error())) partitions_->MarkInvalid(appended.error().message);
    for (size_t done = 0; done < i; ++done) {
      if (!partitions_->RemoveBatch(*targets[done], batch_id)) broken_ = true;
    }
    return appended.error();
  }
  for (const PartitionPtr& partition : targets) partition->last_batch_id = batch_id;
  partitions_->set_last_batch_id(batch_id);
  return {};
}

Result<void> DuckEngine::AppendTo(const Partition& partition, uint64_t batch_id,
                                  const std::string& parts, const PartitionRows& rows) {
  const std::string what = "write to " + PartitionName(partition.group, partition.start_ns);
  const auto write = [&]() -> Result<void> {
    for (const TableRows& table : rows.tables) {
      TIDEMARK_RETURN_IF_ERROR(duck::AppendRows(writer_.get(), partition.catalog,
                                                std::string(table.table), table.columns));
    }
    const std::vector<Column> batch = {UInt64Column{batch_id}, BytesColumn{parts}};
    TIDEMARK_RETURN_IF_ERROR(duck::AppendRows(writer_.get(), partition.catalog, "batches", batch));
    return duck::Run(writer_.get(), "COMMIT", what);
  };
  TIDEMARK_RETURN_IF_ERROR(duck::Run(writer_.get(), "BEGIN TRANSACTION", what));
  auto written = write();
  // Without effect when the failed commit has rolled back already.
  if (!written) (void)duck::Run(writer_.get(), "ROLLBACK", what);
  return written;
}

Result<void> DuckEngine::Compact(TableGroup group, std::string_view table,
                                 std::span<const std::string_view> keys, std::string_view version) {
  std::string columns, same;
  for (const std::string_view key : keys) {
    columns += std::string(key) + ", ";
    same += "old." + std::string(key) + " = newest." + std::string(key) + " AND ";
  }
  const std::string column(version);
  for (const PartitionPtr& partition : partitions_->Pin(group, {})) {
    const std::string name = partition->catalog + ".main." + std::string(table);
    const std::string sql = "DELETE FROM " + name + " AS old USING (SELECT " + columns + "max(" +
                            column + ") AS top FROM " + name + " GROUP BY ALL) AS newest WHERE " +
                            same + "old." + column + " < newest.top";
    TIDEMARK_RETURN_IF_ERROR(duck::Run(writer_.get(), sql, "compact " + std::string(table)));
  }
  return {};
}

Result<void> DuckEngine::DropBefore(TableGroup group, int64_t time_ns) {
  for (const PartitionPtr& partition : partitions_->Pin(group, {})) {
    if (PartitionEnd(group, partition->start_ns) <= time_ns) partitions_->Retire(partition);
  }
  return partitions_->Maintain();
}

// The oldest but for the newest of each group; of those alone, the largest.
PartitionPtr DuckEngine::NextToDrop() const {
  PartitionPtr oldest, largest;
  uint64_t largest_bytes = 0;
  for (const TableGroup group : {TableGroup::kPoints, TableGroup::kProfiles}) {
    const std::vector<PartitionPtr> rising = partitions_->Pin(group, {});
    if (rising.empty()) continue;
    const PartitionPtr& first = rising.front();
    const bool closed = rising.size() > 1;
    if (closed && (oldest == nullptr || first->start_ns < oldest->start_ns)) oldest = first;
    const uint64_t bytes = partitions_->files().SizeOf(group, first->start_ns);
    if (largest != nullptr && bytes <= largest_bytes) continue;
    largest = first;
    largest_bytes = bytes;
  }
  return oldest != nullptr ? oldest : largest;
}

Result<void> DuckEngine::DropToFit(uint64_t max_bytes) {
  const DuckFiles& files = partitions_->files();
  uint64_t used = partitions_->BytesUsed();
  while (used > max_bytes) {
    const uint64_t set_aside = files.QuarantineBytes();
    if (set_aside > 0 && files.DeleteOldestQuarantined()) {
      used -= std::min(used, set_aside - files.QuarantineBytes());
      continue;
    }
    const PartitionPtr victim = NextToDrop();
    if (victim == nullptr) break;
    used -= std::min(used, files.SizeOf(victim->group, victim->start_ns));
    partitions_->Retire(victim);
  }
  return partitions_->Maintain();
}

// --- reading

std::string SourceOf(const TableSpec& table, const std::vector<PartitionPtr>& pinned) {
  const std::string name(table.name);
  if (pinned.empty()) return "none_" + std::string(GroupName(table.group)) + ".main." + name;
  std::string source = "(";
  for (size_t i = 0; i < pinned.size(); ++i) {
    if (i > 0) source += " UNION ALL ";
    source += "SELECT * FROM " + pinned[i]->catalog + ".main." + name;
  }
  return source + ") AS " + name;
}

Result<void> DuckEngine::QueryPinned(const Sql& sql, const std::vector<PartitionPtr>& pinned,
                                     const QueryLimits& limits, const ChunkSink& sink) {
  TIDEMARK_ASSIGN_OR_RETURN(const std::string text, sql.Render([&](const TableSpec& table) {
    return SourceOf(table, pinned);
  }));
  const int64_t deadline_ns = SteadyClockNs() + limits.timeout_ns;
  TIDEMARK_ASSIGN_OR_RETURN(duck::Connection connection, readers_->Borrow(deadline_ns));
  QueryLimits left = limits;
  left.timeout_ns = deadline_ns - SteadyClockNs();
  auto result = duck::RunQuery(connection.get(), text, left, sink);
  readers_->Return(std::move(connection), result.has_value());
  return result;
}

// A result is complete before its first chunk is handed over, so a query that met damage can be run
// again.
Result<void> DuckEngine::Query(const Sql& sql, const QueryLimits& limits, const ChunkSink& sink) {
  std::vector<PartitionPtr> pinned = partitions_->Pin(sql.group(), sql.range());
  auto result = QueryPinned(sql, pinned, limits, sink);
  if (result) return result;
  if (SaysInvalidated(result.error())) {
    partitions_->MarkInvalid(result.error().message);
    return Unavailable(result.error().message);
  }
  if (result.error().code != ErrorCode::kCorrupt) return result;
  const size_t before = pinned.size();
  std::erase_if(pinned, [&](const PartitionPtr& partition) {
    const auto ignore = [](const ColumnChunk&) -> Result<void> { return {}; };
    auto alone = QueryPinned(sql, {partition}, limits, ignore);
    if (alone || alone.error().code != ErrorCode::kCorrupt) return false;
    partition->state = PartitionState::kDamaged;
    return true;
  });
  return pinned.size() == before ? result : QueryPinned(sql, pinned, limits, sink);
}

EngineHealth DuckEngine::health() const {
  const DuckPartitions::Counts counts = partitions_->counts();
  EngineHealth health;
  health.partitions = counts.partitions;
  health.quarantined_files = counts.quarantined_files;
  health.dropped_partitions = counts.dropped;
  health.torn_batches = counts.torn_batches;
  health.disk_bytes = partitions_->BytesUsed();
  return health;
}

}  // namespace

std::string DuckVersion() {
  const std::string version = duckdb_library_version();
  return version.starts_with('v') ? version.substr(1) : version;
}

Result<std::unique_ptr<Engine>> OpenDuckEngine(const DuckOptions& options) {
  DuckOptions absolute = options;
  std::error_code error;
  std::filesystem::create_directories(options.directory, error);
  if (error) return IoError("create " + options.directory + ": " + error.message());
  absolute.directory = std::filesystem::canonical(options.directory, error).string();
  if (error) return IoError("resolve " + options.directory + ": " + error.message());
  TIDEMARK_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(absolute.directory));
  auto engine = std::make_unique<DuckEngine>(absolute, std::move(lock));
  TIDEMARK_RETURN_IF_ERROR(engine->Open());
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace tidemark
