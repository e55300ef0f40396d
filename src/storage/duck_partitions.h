// The attached files of an embedded store. One thread, the writer, changes what is attached; any
// thread may pin partitions to read them.
//
//   fine -> retired   retention, disk cap: out of reach at once, deleted when the last reader has
//   let go fine -> invalid   DuckDB gave the file up after a failed checkpoint: attached anew when
//   no reader has it fine -> damaged   a block fails its checksum: set aside when no reader has it
#pragma once

#include <duckdb.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "storage/duck_files.h"
#include "storage/sql.h"

namespace tidemark {

enum class PartitionState : uint8_t { kFine, kInvalid, kDamaged };

struct Partition {
  TableGroup group = TableGroup::kMeta;
  int64_t start_ns = 0;
  std::string catalog;  // its name in DuckDB, never used twice
  std::atomic<PartitionState> state = PartitionState::kFine;
  // The writer's: the last batch in the file, and the partitions it went to when they were several
  // ("a;b;").
  uint64_t last_batch_id = 0;
  std::string last_batch_parts;
};

// Holding one keeps the file attached.
using PartitionPtr = std::shared_ptr<Partition>;

// "points_1767225600"
std::string PartitionName(TableGroup group, int64_t start_ns);
std::string CreateTableSql(const std::string& catalog, const TableSpec& table);
std::string SqlQuoted(const std::string& text);

class DuckPartitions {
 public:
  static constexpr size_t kMaxPartitions =
      512;  // a flood of event times must not open thousands of files

  // `writer`: the writer's connection, which must outlive this.
  DuckPartitions(DuckFiles files, duckdb_connection writer)
      : files_(std::move(files)), writer_(writer) {}
  ~DuckPartitions() { Reap(); }

  // --- the writer's

  // Attaches every file; what is damaged is set aside, what a crash left half written is taken out.
  Result<void> OpenAll();
  // The partition, made when it is not there. Errors: resource exhausted when there are too many;
  // unavailable while it waits for its readers to be attached anew.
  Result<PartitionPtr> ForWriting(TableGroup group, int64_t start_ns);
  // Deletes a batch's rows from one partition.
  Result<void> RemoveBatch(const Partition& partition, uint64_t batch_id);
  void Retire(const PartitionPtr& partition);
  // Goes on with what waited for readers: deletes the retired, sets the damaged aside, attaches the
  // invalid anew.
  Result<void> Maintain();
  uint64_t last_batch_id() const { return last_batch_id_; }
  void set_last_batch_id(uint64_t id) { last_batch_id_ = id; }

  // --- any thread's

  // Readable partitions of the group that overlap the range.
  std::vector<PartitionPtr> Pin(TableGroup group, TimeRange range) const;
  std::vector<int64_t> Starts(TableGroup group) const;
  // Marks the partitions whose DuckDB name stands in `message`, a DuckDB error.
  void MarkInvalid(const std::string& message);
  uint64_t BytesUsed() const;

  struct Counts {
    uint64_t partitions = 0, quarantined_files = 0, dropped = 0, torn_batches = 0;
    uint64_t generation = 0;  // rises whenever rows that were there are there no more
  };
  Counts counts() const;
  const DuckFiles& files() const { return files_; }

 private:
  using Key = std::pair<TableGroup, int64_t>;

  Result<void> AttachOrSetAside(TableGroup group, int64_t start_ns);
  Result<PartitionPtr> Attach(TableGroup group, int64_t start_ns);
  Result<void> ReadLastBatch(Partition* partition);
  Result<PartitionPtr> Create(TableGroup group, int64_t start_ns);
  Result<void> SetAside(const std::string& path);
  Result<void> TakeOutTornBatch();
  Result<void> Mend(const Key& key);
  void Reap();
  PartitionPtr Find(const Key& key) const;

  const DuckFiles files_;
  const duckdb_connection writer_;
  uint64_t last_batch_id_ = 0, next_catalog_ = 0;
  std::vector<PartitionPtr> retired_;

  mutable std::mutex mutex_;  // guards what follows
  std::map<Key, PartitionPtr> partitions_;
  Counts counts_;
};

}  // namespace tidemark
