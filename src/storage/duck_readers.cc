#include "storage/duck_readers.h"

#include "base/time.h"

namespace tidemark {
namespace {

// So that one text runs on DuckDB and ClickHouse (decision 0041). Private to the connection,
// nothing is written.
constexpr const char* kMacros[] = {
    "CREATE OR REPLACE TEMP MACRO sumIf(x, c) AS sum(CASE WHEN c THEN x ELSE 0 END)",
    "CREATE OR REPLACE TEMP MACRO intDiv(a, b) AS a // b",
    "CREATE OR REPLACE TEMP MACRO toFloat64(a) AS CAST(a AS DOUBLE)",
    "CREATE OR REPLACE TEMP MACRO toUInt64(a) AS CAST(a AS UBIGINT)",
};

}  // namespace

Result<duck::Connection> DuckReaders::Connect() {
  duck::Connection connection;
  if (duckdb_connect(database_, connection.out()) == DuckDBError) {
    return Internal("connect to DuckDB: no connection");
  }
  for (const char* macro : kMacros) {
    TIDEMARK_RETURN_IF_ERROR(duck::Run(connection.get(), macro, "define the common functions"));
  }
  return connection;
}

Result<duck::Connection> DuckReaders::Borrow(int64_t deadline_ns) {
  {
    std::unique_lock lock(mutex_);
    while (borrowed_ >= kMaxReaders) {
      const int64_t left_ns = deadline_ns - SteadyClockNs();
      if (left_ns <= 0) {
        return Unavailable("no query slot became free in time; all " + std::to_string(kMaxReaders) +
                           " are busy");
      }
      returned_.wait_for(lock, std::chrono::nanoseconds(left_ns));
    }
    ++borrowed_;
    if (!idle_.empty()) {
      duck::Connection connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  auto connection = Connect();
  if (!connection) Return({}, false);
  return connection;
}

void DuckReaders::Return(duck::Connection connection, bool reusable) {
  std::lock_guard lock(mutex_);
  --borrowed_;
  if (reusable) idle_.push_back(std::move(connection));
  returned_.notify_one();
}

}  // namespace tidemark
