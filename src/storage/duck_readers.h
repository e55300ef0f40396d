// Connections for queries: some at once, the next query waits for one to come back. Any thread may
// call.
#pragma once

#include <duckdb.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "storage/duckdb_raii.h"

namespace tidemark {

class DuckReaders {
 public:
  static constexpr size_t kMaxReaders = 4;

  // `database` must outlive this.
  explicit DuckReaders(duckdb_database database) : database_(database) {}

  // Error: unavailable when none comes back before `deadline_ns` (steady clock).
  Result<duck::Connection> Borrow(int64_t deadline_ns);
  // Not reusable after an error: it may hold an open transaction, and a new one costs less than
  // finding out.
  void Return(duck::Connection connection, bool reusable);

 private:
  Result<duck::Connection> Connect();

  const duckdb_database database_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable returned_;
  std::vector<duck::Connection> idle_;
  size_t borrowed_ = 0;
};

}  // namespace tidemark
