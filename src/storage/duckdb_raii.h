// Owners for the handles of DuckDB's C API and the few calls made with them. DuckDB's functions do
// not throw. A connection and what came from it belong to one thread at a time; the database may be
// used from any.
#pragma once

#include <duckdb.h>

#include <memory>
#include <string>
#include <utility>

#include "base/result.h"
#include "storage/columns.h"
#include "storage/engine.h"

namespace tidemark::duck {

// Frees a handle with `Destroy(&handle)`.
template <typename T, auto Destroy>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T handle) : handle_(handle) {}
  ~Handle() { Reset(); }
  Handle(Handle&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      Reset();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  T get() const { return handle_; }
  T* out() {
    Reset();
    return &handle_;
  }
  explicit operator bool() const { return handle_ != nullptr; }

 private:
  void Reset() {
    if (handle_ != nullptr) Destroy(&handle_);
    handle_ = nullptr;
  }
  T handle_ = nullptr;
};

using Config = Handle<duckdb_config, duckdb_destroy_config>;
using Database = Handle<duckdb_database, duckdb_close>;
using Connection = Handle<duckdb_connection, duckdb_disconnect>;
using Statement = Handle<duckdb_prepared_statement, duckdb_destroy_prepare>;
using Pending = Handle<duckdb_pending_result, duckdb_destroy_pending>;
using Chunk = Handle<duckdb_data_chunk, duckdb_destroy_data_chunk>;
using LogicalType = Handle<duckdb_logical_type, duckdb_destroy_logical_type>;
using Appender = Handle<duckdb_appender, duckdb_appender_destroy>;

// "UBIGINT", "BLOB", ...
std::string_view SqlTypeName(ColumnType type);

// Runs a statement without a result of interest. `what` names the place in the error.
Result<void> Run(duckdb_connection connection, const std::string& sql, std::string_view what);

// Runs a query within limits and hands over its chunks. Columns must be of the types of ColumnType.
Result<void> RunQuery(duckdb_connection connection, const std::string& sql,
                      const QueryLimits& limits, const ChunkSink& sink);

// Appends rows to catalog.main.table inside the connection's transaction.
Result<void> AppendRows(duckdb_connection connection, const std::string& catalog,
                        const std::string& table, const std::vector<Column>& columns);

}  // namespace tidemark::duck
