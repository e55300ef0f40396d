// The embedded engine: DuckDB in this process, one file for each partition, attached to a database
// that is itself only in memory.
//
//   directory/LOCK                      held while the engine lives
//   directory/meta/0.duckdb             one file of group meta
//   directory/points/START.duckdb       START: seconds since the epoch
//   directory/profiles/START.duckdb     each with a .wal beside it while it has uncheckpointed
//   commits directory/quarantine/               damaged files, with the time they were set aside
//   directory/tmp/                      what queries spill
//
// A damaged file is set aside and counted, the rest goes on (decision 0042). The files are never
// opened by anything but DuckDB: closing such a descriptor would drop its lock.
#pragma once

#include <memory>
#include <string>

#include "storage/engine.h"

namespace tidemark {

struct DuckOptions {
  std::string directory;
  size_t memory_limit_bytes = 512 << 20;
  int threads = 2;
};

// Errors: unavailable when another process has the directory, invalid argument when a file is of
// another schema version, I/O when the directory cannot be used.
Result<std::unique_ptr<Engine>> OpenDuckEngine(const DuckOptions& options);

// "1.5.6", of the library that is loaded.
std::string DuckVersion();

}  // namespace tidemark
