// The tables, their columns and the files they live in. Column types are those that DuckDB and
// ClickHouse share.
//
//   group     file covers   tables
//   meta      everything    documents
//   points    a day         points, series, targets, target_seen
//   profiles  6 hours       samples, profiles, sample_links, stacks, frames, targets, target_seen
//
// A file is complete in itself: what its rows refer to stands in the same file, so that the oldest
// file can go without a look at the others.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/time.h"

namespace tidemark {

// Raised by every change of a table; a directory of another version is refused, not guessed at.
inline constexpr uint64_t kSchemaVersion = 1;

enum class TableGroup : uint8_t { kMeta, kPoints, kProfiles };
inline constexpr TableGroup kTableGroups[] = {TableGroup::kMeta, TableGroup::kPoints,
                                              TableGroup::kProfiles};

enum class ColumnType : uint8_t { kInt64, kUInt64, kFloat64, kBytes, kUInt64List };

struct ColumnSpec {
  std::string_view name;
  ColumnType type;
};

struct TableSpec {
  TableGroup group;
  std::string_view name;
  std::span<const ColumnSpec> columns;
  bool keyed_by_batch;  // has batch_id: the rows of a torn batch can be taken out
};

// All tables of a group. A name may stand in two groups (targets), never twice in one.
std::span<const TableSpec> TablesOf(TableGroup group);
// Null when the group has no such table.
const TableSpec* FindTable(TableGroup group, std::string_view name);

std::string_view GroupName(TableGroup group);

// Event time covered by one file of the group, ns; 0 = one file for everything.
int64_t PartitionWidthNs(TableGroup group);
// Start of the partition that `time_ns` (>= 0) falls into.
int64_t PartitionStart(TableGroup group, int64_t time_ns);
// End, exclusive; INT64_MAX for a group of one file.
int64_t PartitionEnd(TableGroup group, int64_t start_ns);

}  // namespace tidemark
