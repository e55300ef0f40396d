#include "storage/duckdb_raii.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "base/time.h"

namespace tidemark::duck {
namespace {

struct ResultOwner {
  duckdb_result value{};
  ResultOwner() = default;
  ~ResultOwner() { duckdb_destroy_result(&value); }
  ResultOwner(const ResultOwner&) = delete;
  ResultOwner& operator=(const ResultOwner&) = delete;
};

duckdb_type DuckType(ColumnType type) {
  switch (type) {
    case ColumnType::kInt64:
      return DUCKDB_TYPE_BIGINT;
    case ColumnType::kUInt64:
      return DUCKDB_TYPE_UBIGINT;
    case ColumnType::kFloat64:
      return DUCKDB_TYPE_DOUBLE;
    case ColumnType::kBytes:
      return DUCKDB_TYPE_BLOB;
    case ColumnType::kUInt64List:
      return DUCKDB_TYPE_LIST;
  }
  return DUCKDB_TYPE_INVALID;
}

LogicalType MakeLogicalType(ColumnType type) {
  if (type != ColumnType::kUInt64List)
    return LogicalType(duckdb_create_logical_type(DuckType(type)));
  LogicalType child(duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT));
  return LogicalType(duckdb_create_list_type(child.get()));
}

// The engine's words say whether the file, the machine or we are at fault.
Error Classify(std::string_view text, duckdb_error_type type, std::string_view what) {
  std::string message = std::string(what) + ": " + std::string(text);
  const auto says = [&](std::string_view part) {
    return text.find(part) != std::string_view::npos;
  };
  if (type == DUCKDB_ERROR_SERIALIZATION || says("Corrupt") || says("corrupt") ||
      says("checksum") || says("not a valid DuckDB database")) {
    return Corrupt(std::move(message));
  }
  if (type == DUCKDB_ERROR_INTERRUPT) return Unavailable(std::move(message));
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY) return Overloaded(std::move(message));
  if (type == DUCKDB_ERROR_IO || type == DUCKDB_ERROR_FATAL) return IoError(std::move(message));
  return Internal(std::move(message));
}

Result<void> CheckLimits(const QueryLimits& limits, int64_t deadline_ns) {
  if (limits.cancel != nullptr && limits.cancel->load(std::memory_order_relaxed)) {
    return Unavailable("query cancelled");
  }
  if (SteadyClockNs() >= deadline_ns) {
    return Unavailable("query took longer than " + std::to_string(limits.timeout_ns / 1'000'000) +
                       " ms; narrow its time range or its filter");
  }
  return {};
}

// Steps through the query so that the deadline is looked at between pieces of work.
Result<void> Execute(duckdb_connection connection, duckdb_pending_result pending,
                     const QueryLimits& limits, duckdb_result* result) {
  const int64_t deadline_ns = SteadyClockNs() + limits.timeout_ns;
  while (true) {
    const duckdb_pending_state state = duckdb_pending_execute_task(pending);
    if (state == DUCKDB_PENDING_ERROR) break;
    if (duckdb_pending_execution_is_finished(state)) break;
    if (auto within = CheckLimits(limits, deadline_ns); !within) {
      duckdb_interrupt(connection);
      return within.error();
    }
    if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
  if (duckdb_execute_pending(pending, result) == DuckDBError) {
    const char* text = duckdb_result_error(result);
    return Classify(text == nullptr ? "unknown error" : text, duckdb_result_error_type(result),
                    "query");
  }
  return {};
}

template <typename T>
std::vector<T> CopyNumbers(duckdb_vector vector, idx_t rows) {
  const T* data = static_cast<const T*>(duckdb_vector_get_data(vector));
  return std::vector<T>(data, data + rows);
}

BytesColumn CopyBytes(duckdb_vector vector, idx_t rows) {
  auto* data = static_cast<duckdb_string_t*>(duckdb_vector_get_data(vector));
  BytesColumn values;
  values.reserve(rows);
  for (idx_t row = 0; row < rows; ++row) {
    values.emplace_back(duckdb_string_t_data(&data[row]), duckdb_string_t_length(data[row]));
  }
  return values;
}

UInt64ListColumn CopyLists(duckdb_vector vector, idx_t rows) {
  const auto* entries = static_cast<const duckdb_list_entry*>(duckdb_vector_get_data(vector));
  const duckdb_vector child = duckdb_list_vector_get_child(vector);
  const auto* items = static_cast<const uint64_t*>(duckdb_vector_get_data(child));
  UInt64ListColumn values(rows);
  for (idx_t row = 0; row < rows; ++row) {
    const uint64_t* begin = items + entries[row].offset;
    values[row].assign(begin, begin + entries[row].length);
  }
  return values;
}

Result<Column> CopyColumn(duckdb_vector vector, duckdb_type type, idx_t rows,
                          std::string_view name) {
  if (uint64_t* validity = duckdb_vector_get_validity(vector); validity != nullptr) {
    for (idx_t row = 0; row < rows; ++row) {
      if (!duckdb_validity_row_is_valid(validity, row)) {
        return Internal("query: column " + std::string(name) + " has a NULL");
      }
    }
  }
  switch (type) {
    case DUCKDB_TYPE_BIGINT:
      return Column(CopyNumbers<int64_t>(vector, rows));
    case DUCKDB_TYPE_UBIGINT:
      return Column(CopyNumbers<uint64_t>(vector, rows));
    case DUCKDB_TYPE_DOUBLE:
      return Column(CopyNumbers<double>(vector, rows));
    case DUCKDB_TYPE_BLOB:
      return Column(CopyBytes(vector, rows));
    case DUCKDB_TYPE_LIST:
      return Column(CopyLists(vector, rows));
    default:
      return Internal("query: column " + std::string(name) + " has DuckDB type " +
                      std::to_string(static_cast<int>(type)) + ", which no result may have");
  }
}

Result<void> Deliver(duckdb_result* result, const QueryLimits& limits, const ChunkSink& sink) {
  const idx_t columns = duckdb_column_count(result);
  size_t rows = 0;
  while (true) {
    Chunk chunk(duckdb_fetch_chunk(*result));
    if (!chunk) return {};
    ColumnChunk out;
    out.rows = duckdb_data_chunk_get_size(chunk.get());
    rows += out.rows;
    if (rows > limits.max_rows) {
      return TooLarge("the query has more than " + std::to_string(limits.max_rows) +
                      " rows; narrow its time range or its filter");
    }
    for (idx_t i = 0; i < columns; ++i) {
      const duckdb_vector vector = duckdb_data_chunk_get_vector(chunk.get(), i);
      TIDEMARK_ASSIGN_OR_RETURN(Column column, CopyColumn(vector, duckdb_column_type(result, i),
                                                          out.rows, duckdb_column_name(result, i)));
      out.columns.push_back(std::move(column));
    }
    TIDEMARK_RETURN_IF_ERROR(sink(out));
  }
}

// Writes rows [first, first + count) of a column into a vector of a fresh chunk.
struct VectorFiller {
  duckdb_vector vector;
  size_t first, count;

  template <typename T>
  void operator()(const std::vector<T>& values) const {
    std::memcpy(duckdb_vector_get_data(vector), values.data() + first, count * sizeof(T));
  }
  void operator()(const BytesColumn& values) const {
    for (size_t row = 0; row < count; ++row) {
      const std::string& value = values[first + row];
      duckdb_vector_assign_string_element_len(vector, row, value.data(), value.size());
    }
  }
  void operator()(const UInt64ListColumn& values) const {
    size_t total = 0;
    for (size_t row = 0; row < count; ++row) total += values[first + row].size();
    duckdb_list_vector_reserve(vector, total);
    duckdb_list_vector_set_size(vector, total);
    auto* entries = static_cast<duckdb_list_entry*>(duckdb_vector_get_data(vector));
    auto* items =
        static_cast<uint64_t*>(duckdb_vector_get_data(duckdb_list_vector_get_child(vector)));
    size_t offset = 0;
    for (size_t row = 0; row < count; ++row) {
      const std::vector<uint64_t>& value = values[first + row];
      entries[row] = {offset, value.size()};
      std::copy(value.begin(), value.end(), items + offset);
      offset += value.size();
    }
  }
};

Error AppenderError(duckdb_appender appender, const std::string& table) {
  const char* text = appender == nullptr ? nullptr : duckdb_appender_error(appender);
  return Classify(text == nullptr ? "unknown error" : text, DUCKDB_ERROR_IO, "append to " + table);
}

}  // namespace

std::string_view SqlTypeName(ColumnType type) {
  switch (type) {
    case ColumnType::kInt64:
      return "BIGINT";
    case ColumnType::kUInt64:
      return "UBIGINT";
    case ColumnType::kFloat64:
      return "DOUBLE";
    case ColumnType::kBytes:
      return "BLOB";
    case ColumnType::kUInt64List:
      return "UBIGINT[]";
  }
  return "";
}

Result<void> Run(duckdb_connection connection, const std::string& sql, std::string_view what) {
  ResultOwner result;
  if (duckdb_query(connection, sql.c_str(), &result.value) == DuckDBSuccess) return {};
  const char* text = duckdb_result_error(&result.value);
  return Classify(text == nullptr ? "unknown error" : text, duckdb_result_error_type(&result.value),
                  what);
}

Result<void> RunQuery(duckdb_connection connection, const std::string& sql,
                      const QueryLimits& limits, const ChunkSink& sink) {
  Statement statement;
  if (duckdb_prepare(connection, sql.c_str(), statement.out()) == DuckDBError) {
    const char* text = duckdb_prepare_error(statement.get());
    return Classify(text == nullptr ? "unknown error" : text, DUCKDB_ERROR_INTERNAL, "query");
  }
  Pending pending;
  if (duckdb_pending_prepared(statement.get(), pending.out()) == DuckDBError) {
    const char* text = duckdb_pending_error(pending.get());
    return Classify(text == nullptr ? "unknown error" : text, DUCKDB_ERROR_INTERNAL, "query");
  }
  ResultOwner result;
  TIDEMARK_RETURN_IF_ERROR(Execute(connection, pending.get(), limits, &result.value));
  return Deliver(&result.value, limits, sink);
}

Result<void> AppendRows(duckdb_connection connection, const std::string& catalog,
                        const std::string& table, const std::vector<Column>& columns) {
  const size_t rows = columns.empty() ? 0 : RowsOf(columns.front());
  if (rows == 0) return {};
  std::vector<LogicalType> types;
  std::vector<duckdb_logical_type> raw_types;
  for (const Column& column : columns) {
    if (RowsOf(column) != rows)
      return Internal("append to " + table + ": columns differ in length");
    types.push_back(MakeLogicalType(TypeOf(column)));
    raw_types.push_back(types.back().get());
  }
  Appender appender;
  if (duckdb_appender_create_ext(connection, catalog.c_str(), "main", table.c_str(),
                                 appender.out()) == DuckDBError) {
    return AppenderError(appender.get(), table);
  }
  const size_t chunk_rows = duckdb_vector_size();
  for (size_t first = 0; first < rows; first += chunk_rows) {
    const size_t count = std::min(chunk_rows, rows - first);
    Chunk chunk(duckdb_create_data_chunk(raw_types.data(), raw_types.size()));
    for (size_t i = 0; i < columns.size(); ++i) {
      std::visit(VectorFiller{duckdb_data_chunk_get_vector(chunk.get(), i), first, count},
                 columns[i]);
    }
    duckdb_data_chunk_set_size(chunk.get(), count);
    if (duckdb_append_data_chunk(appender.get(), chunk.get()) == DuckDBError) {
      return AppenderError(appender.get(), table);
    }
  }
  if (duckdb_appender_close(appender.get()) == DuckDBError) {
    return AppenderError(appender.get(), table);
  }
  return {};
}

}  // namespace tidemark::duck
