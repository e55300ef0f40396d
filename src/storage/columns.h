// Column-wise rows: what an engine is given to append and what it returns from a query.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "storage/schema.h"

namespace tidemark {

using Int64Column = std::vector<int64_t>;
using UInt64Column = std::vector<uint64_t>;
using Float64Column = std::vector<double>;
using BytesColumn = std::vector<std::string>;
using UInt64ListColumn = std::vector<std::vector<uint64_t>>;

// The alternatives stand in the order of ColumnType.
using Column =
    std::variant<Int64Column, UInt64Column, Float64Column, BytesColumn, UInt64ListColumn>;

inline ColumnType TypeOf(const Column& column) { return static_cast<ColumnType>(column.index()); }
inline size_t RowsOf(const Column& column) {
  return std::visit([](const auto& values) { return values.size(); }, column);
}

// Some rows of a result. The accessors end the program when the column is not of that type: the
// types are those of the query text, never of input.
struct ColumnChunk {
  std::vector<Column> columns;
  size_t rows = 0;

  const Int64Column& Int64(size_t index) const { return std::get<Int64Column>(columns[index]); }
  const UInt64Column& UInt64(size_t index) const { return std::get<UInt64Column>(columns[index]); }
  const Float64Column& Float64(size_t index) const {
    return std::get<Float64Column>(columns[index]);
  }
  const BytesColumn& Bytes(size_t index) const { return std::get<BytesColumn>(columns[index]); }
  const UInt64ListColumn& UInt64Lists(size_t index) const {
    return std::get<UInt64ListColumn>(columns[index]);
  }
};

// Rows for one table: one column for each of the table's, in its order, all of one length.
struct TableRows {
  std::string_view table;  // a name of schema.h
  std::vector<Column> columns;
};

// What one batch adds to one partition.
struct PartitionRows {
  TableGroup group = TableGroup::kMeta;
  int64_t start_ns = 0;  // of the partition
  std::vector<TableRows> tables;
};

}  // namespace tidemark
