#include "sqlite_peer.h"

#include <sqlite3.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/time.h"

namespace tidemark::bench {
namespace {

void Check(int code, sqlite3* db) {
  if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
  std::fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
  std::exit(1);
}

void Run(sqlite3* db, const char* sql) {
  Check(sqlite3_exec(db, sql, nullptr, nullptr, nullptr), db);
}

// The names are left out: SQLite is asked for less than the store.
constexpr const char* kSchema =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -262144;"
    "CREATE TABLE samples (ts INTEGER, instance INTEGER, stack INTEGER, ib INTEGER, io INTEGER, "
    "ab INTEGER, ao INTEGER); CREATE INDEX by_time ON samples (ts);"
    "CREATE TABLE profiles (ts INTEGER, instance INTEGER);";

constexpr const char* kMeans =
    "SELECT stack, sum(a.ib * 1.0 / b.n) AS ib, sum(a.io * 1.0 / b.n), sum(a.ab * 1.0 / b.n), "
    "sum(a.ao * 1.0 / b.n) FROM (SELECT stack, instance, sum(ib) AS ib, sum(io) AS io, sum(ab) AS "
    "ab, "
    "sum(ao) AS ao FROM samples WHERE ts >= ?1 AND ts < ?2 GROUP BY stack, instance) AS a "
    "JOIN (SELECT instance, count(*) AS n FROM profiles WHERE ts >= ?1 AND ts < ?2 GROUP BY "
    "instance) AS b "
    "USING (instance) GROUP BY stack ORDER BY ib DESC";

void Insert(sqlite3* db, const Fleet& fleet, int profiles_per_commit) {
  sqlite3_stmt *sample = nullptr, *profile = nullptr;
  Check(sqlite3_prepare_v2(db, "INSERT INTO samples VALUES (?,?,?,?,?,?,?)", -1, &sample, nullptr),
        db);
  Check(sqlite3_prepare_v2(db, "INSERT INTO profiles VALUES (?,?)", -1, &profile, nullptr), db);
  int in_commit = 0;
  Run(db, "BEGIN");
  for (int index = 0; index < fleet.shape().profiles; ++index) {
    for (int instance = 0; instance < fleet.shape().instances; ++instance) {
      const ProfileBatch batch = fleet.ProfileOf(instance, index);
      const std::vector<int> stacks = fleet.StacksOf(instance, index);
      for (size_t i = 0; i < stacks.size(); ++i) {
        sqlite3_bind_int64(sample, 1, batch.profile.time_ns);
        sqlite3_bind_int64(sample, 2, instance);
        sqlite3_bind_int64(sample, 3, stacks[i]);
        for (int value = 0; value < 4; ++value) {
          sqlite3_bind_int64(sample, 4 + value,
                             batch.profile.samples[i].values[static_cast<size_t>(value)]);
        }
        Check(sqlite3_step(sample), db);
        sqlite3_reset(sample);
      }
      sqlite3_bind_int64(profile, 1, batch.profile.time_ns);
      sqlite3_bind_int64(profile, 2, instance);
      Check(sqlite3_step(profile), db);
      sqlite3_reset(profile);
      if (++in_commit % profiles_per_commit == 0) Run(db, "COMMIT; BEGIN");
    }
  }
  Run(db, "COMMIT");
  sqlite3_finalize(sample);
  sqlite3_finalize(profile);
}

// In-use bytes of all stacks between two times.
int64_t TotalMean(sqlite3* db, int64_t from_ns, int64_t to_ns) {
  sqlite3_stmt* query = nullptr;
  Check(sqlite3_prepare_v2(db, kMeans, -1, &query, nullptr), db);
  sqlite3_bind_int64(query, 1, from_ns);
  sqlite3_bind_int64(query, 2, to_ns);
  double bytes = 0;
  int code;
  while ((code = sqlite3_step(query)) == SQLITE_ROW) {
    bytes += sqlite3_column_double(query, 1);
  }
  Check(code, db);
  sqlite3_finalize(query);
  return static_cast<int64_t>(bytes + 0.5);
}

}  // namespace

PeerFigures RunSqlite(const std::string& file, const Fleet& fleet, int profiles_per_commit,
                      int runs) {
  sqlite3* db = nullptr;
  Check(sqlite3_open(file.c_str(), &db), db);
  Run(db, kSchema);
  PeerFigures figures;
  const double cpu = CpuSeconds();
  int64_t start_ns = SteadyClockNs();
  Insert(db, fleet, profiles_per_commit);
  figures.ingest_seconds = static_cast<double>(SteadyClockNs() - start_ns) / 1e9;
  figures.ingest_cpu_seconds = CpuSeconds() - cpu;
  const int64_t middle_ns = kFleetStartNs + fleet.shape().profiles / 2 * kNsPerMinute;
  std::vector<double> seconds;
  for (int run = 0; run < runs; ++run) {
    start_ns = SteadyClockNs();
    const int64_t before = TotalMean(db, kFleetStartNs, middle_ns);
    figures.growth_bytes = TotalMean(db, middle_ns, INT64_MAX) - before;
    seconds.push_back(static_cast<double>(SteadyClockNs() - start_ns) / 1e9);
  }
  std::sort(seconds.begin(), seconds.end());
  figures.diff_seconds = seconds[seconds.size() / 2];
  Run(db, "PRAGMA wal_checkpoint(TRUNCATE)");
  sqlite3_close(db);
  figures.disk_bytes = std::filesystem::file_size(file);
  return figures;
}

}  // namespace tidemark::bench
