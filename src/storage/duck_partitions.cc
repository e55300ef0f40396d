#include "storage/duck_partitions.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "storage/duckdb_raii.h"

namespace tidemark {
namespace {

// A file that cannot be read for what it holds, rather than for what the machine lacks.
bool IsDamage(const Error& error) {
  if (error.code == ErrorCode::kCorrupt) return true;
  for (const char* machine : {"Cannot open file", "Could not set lock", "No space left",
                              "Permission denied", "Too many open files", "Out of Memory"}) {
    if (error.message.find(machine) != std::string::npos) return false;
  }
  return error.code == ErrorCode::kIo || error.code == ErrorCode::kInternal;
}

}  // namespace

std::string PartitionName(TableGroup group, int64_t start_ns) {
  return std::string(GroupName(group)) + "_" + std::to_string(start_ns / kNsPerSecond);
}

std::string SqlQuoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out.push_back('\'');
    out.push_back(c);
  }
  return out + "'";
}

std::string CreateTableSql(const std::string& catalog, const TableSpec& table) {
  std::string sql = "CREATE TABLE " + catalog + ".main." + std::string(table.name) + " (";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    if (i > 0) sql += ", ";
    sql += std::string(table.columns[i].name) + " " +
           std::string(duck::SqlTypeName(table.columns[i].type)) + " NOT NULL";
  }
  return sql + ")";
}

Result<void> DuckPartitions::OpenAll() {
  for (const TableGroup group : kTableGroups) {
    TIDEMARK_ASSIGN_OR_RETURN(const std::vector<int64_t> starts, files_.List(group));
    for (const int64_t start_ns : starts) {
      TIDEMARK_RETURN_IF_ERROR(AttachOrSetAside(group, start_ns));
    }
  }
  for (const auto& [key, partition] : partitions_) {
    last_batch_id_ = std::max(last_batch_id_, partition->last_batch_id);
  }
  return TakeOutTornBatch();
}

Result<void> DuckPartitions::SetAside(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return {};
  TIDEMARK_RETURN_IF_ERROR(files_.SetAside(path));
  std::lock_guard lock(mutex_);
  ++counts_.quarantined_files;
  ++counts_.generation;
  return {};
}

// Tries the file with its log, then the file alone (its rows up to the last checkpoint), then goes
// on without it.
Result<void> DuckPartitions::AttachOrSetAside(TableGroup group, int64_t start_ns) {
  const std::string path = files_.PathOf(group, start_ns);
  for (const std::string& suspect : {path + ".wal", path}) {
    auto attached = Attach(group, start_ns);
    if (attached) return {};
    if (!IsDamage(attached.error())) return attached.error();
    TIDEMARK_RETURN_IF_ERROR(SetAside(suspect));
  }
  return {};
}

Result<PartitionPtr> DuckPartitions::Attach(TableGroup group, int64_t start_ns) {
  auto partition = std::make_shared<Partition>();
  partition->group = group;
  partition->start_ns = start_ns;
  partition->catalog = PartitionName(group, start_ns) + "_" + std::to_string(next_catalog_++);
  const std::string path = files_.PathOf(group, start_ns);
  TIDEMARK_RETURN_IF_ERROR(duck::Run(
      writer_, "ATTACH " + SqlQuoted(path) + " AS " + partition->catalog, "attach " + path));
  auto read = ReadLastBatch(partition.get());
  if (!read) {
    auto detached = duck::Run(writer_, "DETACH " + partition->catalog, "detach " + path);
    return detached ? read.error() : detached.error();
  }
  std::lock_guard lock(mutex_);
  partitions_[{group, start_ns}] = partition;
  return partition;
}

Result<void> DuckPartitions::ReadLastBatch(Partition* partition) {
  uint64_t version = 0;
  const auto read_version = [&](const ColumnChunk& chunk) -> Result<void> {
    if (chunk.rows > 0) version = chunk.UInt64(0)[0];
    return {};
  };
  const std::string main = partition->catalog + ".main.";
  TIDEMARK_RETURN_IF_ERROR(
      duck::RunQuery(writer_, "SELECT version FROM " + main + "layout", {}, read_version));
  if (version != kSchemaVersion) {
    return InvalidArgument(files_.PathOf(partition->group, partition->start_ns) +
                           " has schema version " + std::to_string(version) +
                           ", this program reads " + std::to_string(kSchemaVersion) +
                           "; use the program that wrote it or another directory");
  }
  const auto read_batch = [&](const ColumnChunk& chunk) -> Result<void> {
    if (chunk.rows == 0) return {};
    partition->last_batch_id = chunk.UInt64(0)[0];
    partition->last_batch_parts = chunk.Bytes(1)[0];
    return {};
  };
  return duck::RunQuery(
      writer_, "SELECT batch_id, parts FROM " + main + "batches ORDER BY batch_id DESC LIMIT 1", {},
      read_batch);
}

// Built under another name, so that a file with its final name always has all its tables.
Result<PartitionPtr> DuckPartitions::Create(TableGroup group, int64_t start_ns) {
  const std::string path = files_.PathOf(group, start_ns);
  const std::string unfinished = path + ".new";
  const std::string catalog = "new_" + std::to_string(next_catalog_++);
  std::vector<std::string> statements = {
      "ATTACH " + SqlQuoted(unfinished) + " AS " + catalog,
      "CREATE TABLE " + catalog + ".main.layout (version UBIGINT NOT NULL)",
      "INSERT INTO " + catalog + ".main.layout VALUES (" + std::to_string(kSchemaVersion) + ")",
      "CREATE TABLE " + catalog + ".main.batches (batch_id UBIGINT NOT NULL, parts BLOB NOT NULL)",
  };
  for (const TableSpec& table : TablesOf(group)) {
    statements.push_back(CreateTableSql(catalog, table));
  }
  statements.push_back("CHECKPOINT " + catalog);
  statements.push_back("DETACH " + catalog);
  for (const std::string& statement : statements) {
    auto ran = duck::Run(writer_, statement, "create " + path);
    if (ran) continue;
    // Not attached any more when it was the last statement that failed, or not yet when it was the
    // first.
    (void)duck::Run(writer_, "DETACH " + catalog, "create " + path);
    std::error_code error;
    std::filesystem::remove(unfinished, error);
    std::filesystem::remove(unfinished + ".wal", error);
    return ran.error();
  }
  TIDEMARK_RETURN_IF_ERROR(files_.Publish(unfinished, path));
  return Attach(group, start_ns);
}

Result<PartitionPtr> DuckPartitions::ForWriting(TableGroup group, int64_t start_ns) {
  const PartitionPtr found = Find({group, start_ns});
  if (found == nullptr) {
    if (counts().partitions >= kMaxPartitions) {
      return TooLarge("the store has " + std::to_string(kMaxPartitions) +
                      " partitions; shorten its retention");
    }
    return Create(group, start_ns);
  }
  if (found->state != PartitionState::kFine) {
    return Unavailable(PartitionName(group, start_ns) +
                       " is being attached anew after an error; retry later");
  }
  return found;
}

Result<void> DuckPartitions::RemoveBatch(const Partition& partition, uint64_t batch_id) {
  const std::string what =
      "take a batch out of " + PartitionName(partition.group, partition.start_ns);
  const std::string condition = " WHERE batch_id = " + std::to_string(batch_id);
  const std::string main = partition.catalog + ".main.";
  std::vector<std::string> statements;
  for (const TableSpec& table : TablesOf(partition.group)) {
    if (!table.keyed_by_batch) continue;
    statements.push_back("DELETE FROM " + main + std::string(table.name) + condition);
  }
  statements.push_back("DELETE FROM " + main + "batches" + condition);
  statements.push_back("COMMIT");
  TIDEMARK_RETURN_IF_ERROR(duck::Run(writer_, "BEGIN TRANSACTION", what));
  for (const std::string& statement : statements) {
    auto ran = duck::Run(writer_, statement, what);
    if (ran) continue;
    // Without effect when a failed commit has rolled back already.
    (void)duck::Run(writer_, "ROLLBACK", what);
    return ran.error();
  }
  return {};
}

// A crash between the commits of one batch leaves it in some of its partitions. Only the last batch
// can be torn. After damage nothing is taken out: the missing part may be what was set aside.
Result<void> DuckPartitions::TakeOutTornBatch() {
  if (counts_.quarantined_files > 0 || last_batch_id_ == 0) return {};
  std::vector<PartitionPtr> holders;
  for (const auto& [key, partition] : partitions_) {
    if (partition->last_batch_id == last_batch_id_) holders.push_back(partition);
  }
  bool torn = false;
  std::istringstream names(holders.front()->last_batch_parts);
  for (std::string name; std::getline(names, name, ';');) {
    for (const auto& [key, partition] : partitions_) {
      torn |= PartitionName(key.first, key.second) == name &&
              partition->last_batch_id != last_batch_id_;
    }
  }
  if (!torn) return {};
  for (const PartitionPtr& partition : holders) {
    TIDEMARK_RETURN_IF_ERROR(RemoveBatch(*partition, last_batch_id_));
  }
  ++counts_.torn_batches;
  return {};
}

void DuckPartitions::Retire(const PartitionPtr& partition) {
  {
    std::lock_guard lock(mutex_);
    partitions_.erase({partition->group, partition->start_ns});
    ++counts_.dropped;
    ++counts_.generation;
  }
  retired_.push_back(partition);
}

void DuckPartitions::Reap() {
  std::erase_if(retired_, [this](const PartitionPtr& partition) {
    if (partition.use_count() > 1) return false;
    const std::string what = "drop " + PartitionName(partition->group, partition->start_ns);
    if (!duck::Run(writer_, "DETACH " + partition->catalog, what)) return false;
    return files_.Delete(partition->group, partition->start_ns).has_value();
  });
}

Result<void> DuckPartitions::Maintain() {
  Reap();
  std::vector<Key> unfit;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, partition] : partitions_) {
      // Nobody pins it any more: Pin leaves out what is not fine.
      const bool free = partition.use_count() == 1;
      if (partition->state != PartitionState::kFine && free) unfit.push_back(key);
    }
  }
  for (const Key& key : unfit) TIDEMARK_RETURN_IF_ERROR(Mend(key));
  return {};
}

Result<void> DuckPartitions::Mend(const Key& key) {
  const auto [group, start_ns] = key;
  const PartitionPtr partition = Find(key);
  const std::string path = files_.PathOf(group, start_ns);
  TIDEMARK_RETURN_IF_ERROR(duck::Run(writer_, "DETACH " + partition->catalog, "detach " + path));
  {
    std::lock_guard lock(mutex_);
    partitions_.erase(key);
  }
  if (partition->state == PartitionState::kDamaged) {
    TIDEMARK_RETURN_IF_ERROR(SetAside(path + ".wal"));
    return SetAside(path);
  }
  TIDEMARK_RETURN_IF_ERROR(AttachOrSetAside(group, start_ns));
  const PartitionPtr again = Find(key);
  if (again == nullptr || again->last_batch_id <= last_batch_id_) return {};
  // The commit that was answered as failed has reached the log after all.
  TIDEMARK_RETURN_IF_ERROR(RemoveBatch(*again, again->last_batch_id));
  again->last_batch_id = 0;
  return {};
}

PartitionPtr DuckPartitions::Find(const Key& key) const {
  std::lock_guard lock(mutex_);
  const auto found = partitions_.find(key);
  return found == partitions_.end() ? nullptr : found->second;
}

std::vector<PartitionPtr> DuckPartitions::Pin(TableGroup group, TimeRange range) const {
  std::vector<PartitionPtr> pinned;
  std::lock_guard lock(mutex_);
  for (const auto& [key, partition] : partitions_) {
    const bool overlaps =
        key.second < range.to_ns && PartitionEnd(key.first, key.second) > range.from_ns;
    const bool fine = partition->state == PartitionState::kFine;
    if (key.first == group && overlaps && fine) pinned.push_back(partition);
  }
  return pinned;
}

std::vector<int64_t> DuckPartitions::Starts(TableGroup group) const {
  std::vector<int64_t> starts;
  std::lock_guard lock(mutex_);
  for (const auto& [key, partition] : partitions_) {
    if (key.first == group) starts.push_back(key.second);
  }
  return starts;
}

void DuckPartitions::MarkInvalid(const std::string& message) {
  std::lock_guard lock(mutex_);
  for (const auto& [key, partition] : partitions_) {
    if (message.find('"' + partition->catalog + '"') == std::string::npos) continue;
    PartitionState fine = PartitionState::kFine;
    partition->state.compare_exchange_strong(fine, PartitionState::kInvalid);
  }
}

uint64_t DuckPartitions::BytesUsed() const {
  uint64_t bytes = files_.QuarantineBytes();
  std::lock_guard lock(mutex_);
  for (const auto& [key, partition] : partitions_) bytes += files_.SizeOf(key.first, key.second);
  return bytes;
}

DuckPartitions::Counts DuckPartitions::counts() const {
  std::lock_guard lock(mutex_);
  Counts counts = counts_;
  counts.partitions = partitions_.size();
  return counts;
}

}  // namespace tidemark
