// The peer: the same rows in SQLite (write-ahead log, synchronous=FULL, index on time), the same
// difference in one query.
#pragma once

#include <string>
#include <vector>

#include "fleet.h"

namespace tidemark::bench {

struct PeerFigures {
  double ingest_seconds = 0, ingest_cpu_seconds = 0;
  double diff_seconds = 0;  // the median of the runs
  uint64_t disk_bytes = 0;
  int64_t growth_bytes = 0;  // of the fleet's in-use bytes: both stores must find the same
};

PeerFigures RunSqlite(const std::string& file, const Fleet& fleet, int profiles_per_commit,
                      int runs);

}  // namespace tidemark::bench
