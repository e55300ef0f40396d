// Where rows are kept and asked for. Below this line stand files and servers, above it the domain
// (store.h): the same query texts run on every engine. DuckEngine is the embedded one; a ClickHouse
// engine can follow.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/columns.h"
#include "storage/sql.h"

namespace tidemark {

struct QueryLimits {
  int64_t timeout_ns = 30 * kNsPerSecond;
  size_t max_rows = 5'000'000;                // of the result; more is an error
  const std::atomic<bool>* cancel = nullptr;  // set from any thread to end the query early
};

// Called with the chunks of a result, in order. An error ends the query and becomes its result.
using ChunkSink = std::function<Result<void>(const ColumnChunk&)>;

struct EngineHealth {
  uint64_t partitions = 0;
  uint64_t disk_bytes = 0;         // with what is set aside
  uint64_t quarantined_files = 0;  // since the engine was opened
  uint64_t dropped_partitions = 0;
  uint64_t torn_batches = 0;  // found half written at opening and taken out
};

// Append, Drop*, Compact and Maintain belong to one thread, the writer; Query and health may be
// called from any.
class Engine {
 public:
  virtual ~Engine() = default;

  // On disk, in every partition, when it returns without an error; in none of them otherwise. Batch
  // ids rise by use: a batch that is already kept is not written again.
  virtual Result<void> Append(uint64_t batch_id, std::span<const PartitionRows> partitions) = 0;
  // The largest batch id kept, 0 at first.
  virtual uint64_t last_batch_id() const = 0;

  // Errors: unavailable (retryable) when the time is over or the query was cancelled, resource
  // exhausted when the result is larger than allowed, corrupt when a file is damaged.
  virtual Result<void> Query(const Sql& sql, const QueryLimits& limits, const ChunkSink& sink) = 0;

  // Takes out the partitions that end at or before `time_ns`. They are gone from queries at once,
  // from the disk as soon as the queries that read them have ended.
  virtual Result<void> DropBefore(TableGroup group, int64_t time_ns) = 0;
  // Takes out partitions, the oldest first, until no more than `max_bytes` are used. When only the
  // newest of each group are left, the largest of them goes.
  virtual Result<void> DropToFit(uint64_t max_bytes) = 0;
  // Deletes the rows of `table` whose (key columns) have a row of a higher `version`.
  virtual Result<void> Compact(TableGroup group, std::string_view table,
                               std::span<const std::string_view> keys,
                               std::string_view version) = 0;

  // Goes on with what had to wait: deletes what queries have let go, mends or sets aside what met
  // an error. Call between batches.
  virtual Result<void> Maintain() = 0;

  // Starts of the group's partitions, rising.
  virtual std::vector<int64_t> Partitions(TableGroup group) const = 0;
  virtual EngineHealth health() const = 0;
  // Rises whenever rows that were kept are no more: what was read of dictionaries is out of date.
  virtual uint64_t generation() const = 0;
};

}  // namespace tidemark
