#include "storage/duck_engine.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <sstream>
#include <thread>

#include "base/time.h"
#include "storage/duck_files.h"
#include "storage/duckdb_raii.h"
#include "storage/file_lock.h"

namespace tidemark {
namespace {

constexpr size_t kMaxReaders = 4;  // queries at once; the next one waits
constexpr size_t kMaxPartitions =
    512;  // attached files; a flood of event times must not open thousands
constexpr size_t kMaxTemporaryGib = 4;  // what all queries together may spill

// So that one text runs on DuckDB and ClickHouse (decision 0041).
constexpr const char* kMacros[] = {
    "CREATE OR REPLACE TEMP MACRO sumIf(x, c) AS sum(CASE WHEN c THEN x ELSE 0 END)",
    "CREATE OR REPLACE TEMP MACRO intDiv(a, b) AS a // b",
    "CREATE OR REPLACE TEMP MACRO toFloat64(a) AS CAST(a AS DOUBLE)",
    "CREATE OR REPLACE TEMP MACRO toUInt64(a) AS CAST(a AS UBIGINT)",
    "CREATE OR REPLACE TEMP MACRO toInt64(a) AS CAST(a AS BIGINT)",
};

std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out.push_back('\'');
    out.push_back(c);
  }
  return out + "'";
}

struct Partition {
  TableGroup group;
  int64_t start_ns;
  std::string catalog;           // its name in DuckDB
  uint64_t last_batch_id = 0;    // written by the writer only
  std::string last_batch_parts;  // names of the partitions that the last batch went to
};
// Shared with the queries that read it: a partition leaves the disk when the last of them has
// ended.
using PartitionPtr = std::shared_ptr<Partition>;
using PartitionMap = std::map<std::pair<TableGroup, int64_t>, PartitionPtr>;

std::string NameOf(TableGroup group, int64_t start_ns) {
  return std::string(GroupName(group)) + "_" + std::to_string(start_ns / kNsPerSecond);
}

std::string CreateTable(const std::string& catalog, const TableSpec& table) {
  std::string sql = "CREATE TABLE " + catalog + ".main." + std::string(table.name) + " (";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) sql += ", ";
    sql += std::string(table.columns[i].name) + " " +
           std::string(duck::SqlTypeName(table.columns[i].type)) + " NOT NULL";
  }
  return sql + ")";
}

// A file that cannot be read for what it holds, rather than for what the machine lacks.
bool IsDamage(const Error& error) {
  if (error.code == ErrorCode::kCorrupt) return true;
  for (const char* machine : {"Cannot open file", "Could not set lock", "No space left",
                              "Permission denied", "Too many open files", "Out of Memory"}) {
    if (error.message.find(machine) != std::string::npos) return false;
  }
  return error.code == ErrorCode::kIo || error.code == ErrorCode::kInternal;
}

class DuckEngine : public Engine {
 public:
  DuckEngine(DuckOptions options, FileLock lock)
      : options_(std::move(options)), files_(options_.directory), lock_(std::move(lock)) {}
  ~DuckEngine() override;

  Result<void> Open();

  Result<void> Append(uint64_t batch_id, std::span<const PartitionRows> partitions) override;
  uint64_t last_batch_id() const override { return last_batch_id_; }
  Result<void> Query(const Sql& sql, const QueryLimits& limits, const ChunkSink& sink) override;
  Result<void> DropBefore(TableGroup group, int64_t time_ns) override;
  Result<void> DropToFit(uint64_t max_bytes) override;
  Result<void> Compact(TableGroup group, std::string_view table,
                       std::span<const std::string_view> keys, std::string_view version) override;
  std::vector<int64_t> Partitions(TableGroup group) const override;
  EngineHealth health() const override;

 private:
  // Setting up.
  Result<void> OpenDatabase();
  Result<duck::Connection> Connect();
  Result<void> AttachAll();
  Result<void> AttachOrSetAside(TableGroup group, int64_t start_ns);
  Result<PartitionPtr> Attach(TableGroup group, int64_t start_ns);
  Result<void> ReadLastBatch(Partition* partition);
  Result<PartitionPtr> Create(TableGroup group, int64_t start_ns);
  Result<void> TakeOutTornBatch();

  // Writing.
  Result<void> AppendTo(const Partition& partition, uint64_t batch_id, const std::string& parts,
                        const PartitionRows& rows);
  Result<void> RemoveBatch(Partition* partition, uint64_t batch_id);
  Result<void> Retire(PartitionPtr partition);
  void Reap();

  // Reading.
  Result<duck::Connection> BorrowReader(int64_t deadline_ns);
  void ReturnReader(duck::Connection connection, bool reusable);
  std::vector<PartitionPtr> Pin(const Sql& sql) const;
  Result<void> QueryPinned(const Sql& sql, const std::vector<PartitionPtr>& pinned,
                           const QueryLimits& limits, const ChunkSink& sink);
  std::string SourceOf(const TableSpec& table, const std::vector<PartitionPtr>& pinned) const;

  const DuckOptions options_;
  const DuckFiles files_;
  FileLock lock_;
  duck::Database database_;
  duck::Connection writer_;

  // The writer's.
  uint64_t last_batch_id_ = 0;
  bool broken_ = false;  // a torn batch could not be taken out; only opening anew can
  std::vector<PartitionPtr> retired_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable reader_returned_;
  PartitionMap partitions_;
  std::vector<duck::Connection> idle_readers_;
  size_t borrowed_readers_ = 0;
  uint64_t quarantined_files_ = 0, dropped_partitions_ = 0, torn_batches_ = 0;
  uint64_t next_catalog_ = 0;
};

// --- opening

Result<void> DuckEngine::Open() {
  TIDEMARK_RETURN_IF_ERROR(files_.Prepare());
  TIDEMARK_RETURN_IF_ERROR(OpenDatabase());
  TIDEMARK_RETURN_IF_ERROR(AttachAll());
  for (const auto& [key, partition] : partitions_) {
    last_batch_id_ = std::max(last_batch_id_, partition->last_batch_id);
  }
  return TakeOutTornBatch();
}

Result<void> DuckEngine::OpenDatabase() {
  duck::Config config;
  duckdb_create_config(config.out());
  const std::string memory = std::to_string(options_.memory_limit_bytes) + "B";
  const std::string threads = std::to_string(options_.threads);
  const std::string temporary = files_.TemporaryDirectory();
  const std::string temporary_limit = std::to_string(kMaxTemporaryGib) + "GiB";
  const std::pair<const char*, const char*> settings[] = {
      {"memory_limit", memory.c_str()},
      {"threads", threads.c_str()},
      {"temp_directory", temporary.c_str()},
      {"max_temp_directory_size", temporary_limit.c_str()},
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
  // From here on nothing outside the data directory can be read or written, whatever a statement
  // says.
  const std::string fences[] = {
      "SET allowed_directories = [" + Quoted(options_.directory + "/") + "]",
      "SET enable_external_access = false",
      "SET lock_configuration = true",
  };
  for (const std::string& fence : fences) {
    TIDEMARK_RETURN_IF_ERROR(duck::Run(writer_.get(), fence, "configure DuckDB"));
  }
  // Empty tables stand in where no partition is in range.
  for (const TableGroup group : kTableGroups) {
    const std::string schema = std::string(GroupName(group));
    TIDEMARK_RETURN_IF_ERROR(
        duck::Run(writer_.get(), "ATTACH ':memory:' AS none_" + schema, "configure DuckDB"));
    for (const TableSpec& table : TablesOf(group)) {
      TIDEMARK_RETURN_IF_ERROR(
          duck::Run(writer_.get(), CreateTable("none_" + schema, table), "configure DuckDB"));
    }
  }
  return {};
}

Result<duck::Connection> DuckEngine::Connect() {
  duck::Connection connection;
  if (duckdb_connect(database_.get(), connection.out()) == DuckDBError) {
    return Internal("connect to DuckDB: no connection");
  }
  for (const char* macro : kMacros) {
    TIDEMARK_RETURN_IF_ERROR(duck::Run(connection.get(), macro, "define the common functions"));
  }
  return connection;
}

Result<void> DuckEngine::AttachAll() {
  for (const TableGroup group : kTableGroups) {
    TIDEMARK_ASSIGN_OR_RETURN(const std::vector<int64_t> starts, files_.List(group));
    for (const int64_t start_ns : starts) {
      TIDEMARK_RETURN_IF_ERROR(AttachOrSetAside(group, start_ns));
    }
  }
  return {};
}

// Tries the file with its log, then the file alone (its rows up to the last checkpoint), then goes
// on without it.
Result<void> DuckEngine::AttachOrSetAside(TableGroup group, int64_t start_ns) {
  const std::string path = files_.PathOf(group, start_ns);
  for (const std::string& damaged : {path + ".wal", path}) {
    auto attached = Attach(group, start_ns);
    if (attached) return {};
    if (!IsDamage(attached.error())) return attached.error();
    std::error_code error;
    if (!std::filesystem::exists(damaged, error)) continue;
    TIDEMARK_RETURN_IF_ERROR(files_.SetAside(damaged));
    std::lock_guard lock(mutex_);
    ++quarantined_files_;
  }
  return {};
}

Result<PartitionPtr> DuckEngine::Attach(TableGroup group, int64_t start_ns) {
  auto partition = std::make_shared<Partition>();
  partition->group = group;
  partition->start_ns = start_ns;
  // Never used again: a retired partition of the same range may still be attached.
  partition->catalog = NameOf(group, start_ns) + "_" + std::to_string(next_catalog_++);
  const std::string path = files_.PathOf(group, start_ns);
  TIDEMARK_RETURN_IF_ERROR(duck::Run(
      writer_.get(), "ATTACH " + Quoted(path) + " AS " + partition->catalog, "attach " + path));
  auto read = ReadLastBatch(partition.get());
  if (!read) {
    auto detached = duck::Run(writer_.get(), "DETACH " + partition->catalog, "detach " + path);
    return detached ? read.error() : detached.error();
  }
  std::lock_guard lock(mutex_);
  partitions_[{group, start_ns}] = partition;
  return partition;
}

Result<void> DuckEngine::ReadLastBatch(Partition* partition) {
  uint64_t version = 0;
  const auto read_version = [&](const ColumnChunk& chunk) -> Result<void> {
    if (chunk.rows > 0) version = chunk.UInt64(0)[0];
    return {};
  };
  const std::string main = partition->catalog + ".main.";
  TIDEMARK_RETURN_IF_ERROR(
      duck::RunQuery(writer_.get(), "SELECT version FROM " + main + "layout", {}, read_version));
  if (version != kSchemaVersion) {
    Error error = InvalidArgument(files_.PathOf(partition->group, partition->start_ns) +
                                  " has schema version " + std::to_string(version) +
                                  ", this program reads " + std::to_string(kSchemaVersion) +
                                  "; use the program that wrote it or another directory");
    return error;
  }
  return duck::RunQuery(
      writer_.get(),
      "SELECT batch_id, parts FROM " + main + "batches ORDER BY batch_id DESC LIMIT 1", {},
      [&](const ColumnChunk& chunk) -> Result<void> {
        if (chunk.rows == 0) return {};
        partition->last_batch_id = chunk.UInt64(0)[0];
        partition->last_batch_parts = chunk.Bytes(1)[0];
        return {};
      });
}

// Built under another name, so that a file with its final name always has all its tables.
Result<PartitionPtr> DuckEngine::Create(TableGroup group, int64_t start_ns) {
  const std::string path = files_.PathOf(group, start_ns);
  const std::string unfinished = path + ".new";
  const std::string catalog = "new_" + std::to_string(next_catalog_++);
  std::vector<std::string> statements = {
      "ATTACH " + Quoted(unfinished) + " AS " + catalog,
      "CREATE TABLE " + catalog + ".main.layout (version UBIGINT NOT NULL)",
      "INSERT INTO " + catalog + ".main.layout VALUES (" + std::to_string(kSchemaVersion) + ")",
      "CREATE TABLE " + catalog + ".main.batches (batch_id UBIGINT NOT NULL, parts BLOB NOT NULL)",
  };
  for (const TableSpec& table : TablesOf(group)) statements.push_back(CreateTable(catalog, table));
  statements.push_back("CHECKPOINT " + catalog);
  statements.push_back("DETACH " + catalog);
  for (const std::string& statement : statements) {
    if (auto ran = duck::Run(writer_.get(), statement, "create " + path); !ran) {
      // The statement may have been the one that attached or detached it.
      (void)duck::Run(writer_.get(), "DETACH " + catalog, "create " + path);
      std::error_code error;
      std::filesystem::remove(unfinished, error);
      std::filesystem::remove(unfinished + ".wal", error);
      return ran.error();
    }
  }
  TIDEMARK_RETURN_IF_ERROR(files_.Publish(unfinished, path));
  return Attach(group, start_ns);
}

// A crash between the commits of one batch leaves it in some of its partitions. Only the last batch
// can be torn. After damage nothing is taken out: the missing part may be what was set aside.
Result<void> DuckEngine::TakeOutTornBatch() {
  if (quarantined_files_ > 0 || last_batch_id_ == 0) return {};
  std::vector<Partition*> holders;
  std::string parts;
  for (const auto& [key, partition] : partitions_) {
    if (partition->last_batch_id != last_batch_id_) continue;
    holders.push_back(partition.get());
    parts = partition->last_batch_parts;
  }
  bool torn = false;
  std::istringstream names(parts);
  for (std::string name; std::getline(names, name, ';');) {
    for (const auto& [key, partition] : partitions_) {
      torn |= NameOf(key.first, key.second) == name && partition->last_batch_id != last_batch_id_;
    }
  }
  if (!torn) return {};
  for (Partition* partition : holders) {
    TIDEMARK_RETURN_IF_ERROR(RemoveBatch(partition, last_batch_id_));
  }
  ++torn_batches_;
  return {};
}

DuckEngine::~DuckEngine() {
  {
    std::lock_guard lock(mutex_);
    idle_readers_.clear();
  }
  Reap();
}

// --- writing

Result<void> DuckEngine::Append(uint64_t batch_id, std::span<const PartitionRows> partitions) {
  if (broken_) return Unavailable("store is read-only: a batch could not be taken back; restart");
  if (batch_id <= last_batch_id_) return {};
  std::vector<PartitionPtr> targets;
  std::string parts;
  for (const PartitionRows& rows : partitions) {
    PartitionPtr partition;
    {
      std::lock_guard lock(mutex_);
      const auto found = partitions_.find({rows.group, rows.start_ns});
      if (found != partitions_.end()) partition = found->second;
      if (partition == nullptr && partitions_.size() >= kMaxPartitions) {
        return TooLarge("the store has " + std::to_string(kMaxPartitions) +
                        " partitions; shorten its retention");
      }
    }
    if (partition == nullptr) {
      TIDEMARK_ASSIGN_OR_RETURN(partition, Create(rows.group, rows.start_ns));
    }
    targets.push_back(partition);
    if (partitions.size() > 1) parts += NameOf(rows.group, rows.start_ns) + ";";
  }
  for (size_t i = 0; i < targets.size(); ++i) {
    auto appended = AppendTo(*targets[i], batch_id, parts, partitions[i]);
    if (appended) continue;
    for (size_t done = 0; done < i; ++done) {
      if (!RemoveBatch(targets[done].get(), batch_id)) broken_ = true;
    }
    return appended.error();
  }
  for (const PartitionPtr& partition : targets) partition->last_batch_id = batch_id;
  last_batch_id_ = batch_id;
  return {};
}

Result<void> DuckEngine::AppendTo(const Partition& partition, uint64_t batch_id,
                                  const std::string& parts, const PartitionRows& rows) {
  const std::string what = "write to " + NameOf(partition.group, partition.start_ns);
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

Result<void> DuckEngine::RemoveBatch(Partition* partition, uint64_t batch_id) {
  const std::string what = "take batch out of " + NameOf(partition->group, partition->start_ns);
  const std::string condition = " WHERE batch_id = " + std::to_string(batch_id);
  const auto remove = [&]() -> Result<void> {
    const std::string main = partition->catalog + ".main.";
    for (const TableSpec& table : TablesOf(partition->group)) {
      if (!table.keyed_by_batch) continue;
      TIDEMARK_RETURN_IF_ERROR(duck::Run(
          writer_.get(), "DELETE FROM " + main + std::string(table.name) + condition, what));
    }
    TIDEMARK_RETURN_IF_ERROR(
        duck::Run(writer_.get(), "DELETE FROM " + main + "batches" + condition, what));
    return duck::Run(writer_.get(), "COMMIT", what);
  };
  TIDEMARK_RETURN_IF_ERROR(duck::Run(writer_.get(), "BEGIN TRANSACTION", what));
  auto removed = remove();
  if (!removed) (void)duck::Run(writer_.get(), "ROLLBACK", what);
  return removed;
}

Result<void> DuckEngine::Compact(TableGroup group, std::string_view table,
                                 std::span<const std::string_view> keys, std::string_view version) {
  for (const int64_t start_ns : Partitions(group)) {
    std::string catalog;
    {
      std::lock_guard lock(mutex_);
      catalog = partitions_.at({group, start_ns})->catalog;
    }
    const std::string name = catalog + ".main." + std::string(table);
    std::string columns, same;
    for (const std::string_view key : keys) {
      columns += std::string(key) + ", ";
      same += "old." + std::string(key) + " = newest." + std::string(key) + " AND ";
    }
    const std::string column(version);
    const std::string sql = "DELETE FROM " + name + " AS old USING (SELECT " + columns + "max(" +
                            column + ") AS top FROM " + name + " GROUP BY ALL) AS newest WHERE " +
                            same + "old." + column + " < newest.top";
    TIDEMARK_RETURN_IF_ERROR(duck::Run(writer_.get(), sql, "compact " + std::string(table)));
  }
  return {};
}

Result<void> DuckEngine::Retire(PartitionPtr partition) {
  {
    std::lock_guard lock(mutex_);
    partitions_.erase({partition->group, partition->start_ns});
    ++dropped_partitions_;
  }
  retired_.push_back(std::move(partition));
  Reap();
  return {};
}

// Detaches and deletes what no query reads any more; the rest waits for the next call.
void DuckEngine::Reap() {
  std::erase_if(retired_, [this](const PartitionPtr& partition) {
    if (partition.use_count() > 1) return false;
    const std::string what = "drop " + NameOf(partition->group, partition->start_ns);
    if (!duck::Run(writer_.get(), "DETACH " + partition->catalog, what)) return false;
    return files_.Delete(partition->group, partition->start_ns).has_value();
  });
}

Result<void> DuckEngine::DropBefore(TableGroup group, int64_t time_ns) {
  Reap();
  for (const int64_t start_ns : Partitions(group)) {
    if (PartitionEnd(group, start_ns) > time_ns) break;
    PartitionPtr partition;
    {
      std::lock_guard lock(mutex_);
      partition = partitions_.at({group, start_ns});
    }
    TIDEMARK_RETURN_IF_ERROR(Retire(std::move(partition)));
  }
  return {};
}

Result<void> DuckEngine::DropToFit(uint64_t max_bytes) {
  Reap();
  uint64_t used = health().disk_bytes;
  while (used > max_bytes) {
    const uint64_t quarantined = files_.QuarantineBytes();
    if (quarantined > 0 && files_.DeleteOldestQuarantined()) {
      used -= quarantined - files_.QuarantineBytes();
      continue;
    }
    PartitionPtr victim;
    uint64_t victim_bytes = 0;
    {
      std::lock_guard lock(mutex_);
      PartitionPtr oldest, largest;
      uint64_t largest_bytes = 0;
      for (const auto& [key, partition] : partitions_) {
        if (key.first == TableGroup::kMeta) continue;
        const auto next = partitions_.upper_bound(key);
        const bool newest = next == partitions_.end() || next->first.first != key.first;
        if (!newest && (oldest == nullptr || key.second < oldest->start_ns)) oldest = partition;
        const uint64_t bytes = files_.SizeOf(key.first, key.second);
        if (largest == nullptr || bytes > largest_bytes) largest = partition, largest_bytes = bytes;
      }
      victim = oldest != nullptr ? oldest : largest;
    }
    if (victim == nullptr) return {};
    victim_bytes = files_.SizeOf(victim->group, victim->start_ns);
    TIDEMARK_RETURN_IF_ERROR(Retire(std::move(victim)));
    used -= std::min(used, victim_bytes);
  }
  return {};
}

// --- reading

Result<duck::Connection> DuckEngine::BorrowReader(int64_t deadline_ns) {
  std::unique_lock lock(mutex_);
  while (borrowed_readers_ >= kMaxReaders) {
    const int64_t left_ns = deadline_ns - SteadyClockNs();
    if (left_ns <= 0) {
      return Unavailable("no query slot became free in time; all " + std::to_string(kMaxReaders) +
                         " are busy");
    }
    reader_returned_.wait_for(lock, std::chrono::nanoseconds(left_ns));
  }
  ++borrowed_readers_;
  if (!idle_readers_.empty()) {
    duck::Connection connection = std::move(idle_readers_.back());
    idle_readers_.pop_back();
    return connection;
  }
  lock.unlock();
  auto connection = Connect();
  if (!connection) ReturnReader({}, false);
  return connection;
}

void DuckEngine::ReturnReader(duck::Connection connection, bool reusable) {
  std::lock_guard lock(mutex_);
  --borrowed_readers_;
  if (reusable) idle_readers_.push_back(std::move(connection));
  reader_returned_.notify_one();
}

std::vector<PartitionPtr> DuckEngine::Pin(const Sql& sql) const {
  std::vector<PartitionPtr> pinned;
  const TimeRange range = sql.range();
  std::lock_guard lock(mutex_);
  for (const auto& [key, partition] : partitions_) {
    const bool overlaps =
        key.second < range.to_ns && PartitionEnd(key.first, key.second) > range.from_ns;
    if (key.first == sql.group() && overlaps) pinned.push_back(partition);
  }
  return pinned;
}

std::string DuckEngine::SourceOf(const TableSpec& table,
                                 const std::vector<PartitionPtr>& pinned) const {
  const std::string name(table.name);
  if (pinned.empty()) return "none_" + std::string(GroupName(table.group)) + ".main." + name;
  std::string source = "(";
  for (size_t i = 0; i < pinned.size(); ++i) {
    if (i > 0) source += " UNION ALL ";
    source += "SELECT * FROM " + pinned[i]->catalog + ".main." + name;
  }
  return source + ") AS " + name;
}

Result<void> DuckEngine::Query(const Sql& sql, const QueryLimits& limits, const ChunkSink& sink) {
  return QueryPinned(sql, Pin(sql), limits, sink);
}

Result<void> DuckEngine::QueryPinned(const Sql& sql, const std::vector<PartitionPtr>& pinned,
                                     const QueryLimits& limits, const ChunkSink& sink) {
  TIDEMARK_ASSIGN_OR_RETURN(const std::string text, sql.Render([&](const TableSpec& table) {
    return SourceOf(table, pinned);
  }));
  const int64_t deadline_ns = SteadyClockNs() + limits.timeout_ns;
  TIDEMARK_ASSIGN_OR_RETURN(duck::Connection connection, BorrowReader(deadline_ns));
  QueryLimits left = limits;
  left.timeout_ns = deadline_ns - SteadyClockNs();
  auto result = duck::RunQuery(connection.get(), text, left, sink);
  // After an error the connection may hold an open transaction; a new one costs less than finding
  // out.
  ReturnReader(std::move(connection), result.has_value());
  return result;
}

std::vector<int64_t> DuckEngine::Partitions(TableGroup group) const {
  std::vector<int64_t> starts;
  std::lock_guard lock(mutex_);
  for (const auto& [key, partition] : partitions_) {
    if (key.first == group) starts.push_back(key.second);
  }
  return starts;
}

EngineHealth DuckEngine::health() const {
  EngineHealth health;
  std::lock_guard lock(mutex_);
  health.partitions = partitions_.size();
  health.quarantined_files = quarantined_files_;
  health.dropped_partitions = dropped_partitions_;
  health.torn_batches = torn_batches_;
  for (const auto& [key, partition] : partitions_) {
    health.disk_bytes += files_.SizeOf(key.first, key.second);
  }
  health.disk_bytes += files_.QuarantineBytes();
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
