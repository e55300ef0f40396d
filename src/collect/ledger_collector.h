// The ledgers of a directory: found, read, symbolized and named.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "collect/ledger_files.h"
#include "collect/process_names.h"
#include "collect/profile_builder.h"
#include "symbolize/symbolizer.h"

namespace tidemark {

// One process, as its ledger stood.
struct Reading {
  LedgerFile file;
  uint64_t pid = 0;  // in our pid namespace; 0 = gone before we first looked
  bool is_main = false;
  bool ended = false;  // the process is gone: this is its last reading
  LedgerHeader header;
  LiveTotals totals;
  ProfileBatch batch;
  std::vector<double> variances;  // of each sample's live bytes
};

// Whether samples are told apart by age (ProfileOptions::ages): for people, not for the server.
enum class Ages : uint8_t { kWithout, kWith };

// Adds the comment "key: value" to the profile, in place of one of that key.
void Annotate(const std::string& key, const std::string& value, Reading* reading);

struct CollectorOptions {
  std::string directory;
  size_t max_processes = 64;  // alive and read at a time
  SymbolizerOptions symbols;
  std::set<LedgerFile> finished;  // whose last reading was taken before
};

struct CollectorStats {
  uint64_t passed_over = 0;  // processes beyond max_processes, counted at each ReadAll
  uint64_t unreadable = 0;   // ledgers that could not be read, counted each time
  uint64_t refused = 0;      // names of ledgers that were no regular file, counted each time
  std::string last_error;    // of the last unreadable one
};

// Any thread may call; one reading is made at a time, since they share a symbolizer.
class LedgerCollector {
 public:
  // `names` outlives this and is used by one thread at a time.
  LedgerCollector(CollectorOptions options, ProcessNames* names);

  // The ledger of a live process by its id in our pid namespace; 0 = the only one there is.
  // `trigger` becomes an annotation. Errors: as ReadLedger; not found; invalid argument (0, and
  // there are several).
  Result<Reading> Read(uint64_t pid, const std::string& trigger, Ages ages);

  // The main process first. Processes whose last reading was taken are not listed again.
  std::vector<Reading> ReadAll(const std::string& trigger, Ages ages);

  // Those that have ended since the last reading, and no others.
  std::vector<Reading> ReadEnded(const std::string& trigger);

  // Ids of live processes in our pid namespace, the main one first.
  std::vector<uint64_t> Pids();

  CollectorStats stats() const;

  // Ledgers in the directory, those of ended processes included; more are left out.
  static constexpr size_t kMaxFiles = 4096;

 private:
  std::vector<LedgerFile> UnfinishedLocked();
  Result<Reading> ReadLocked(const LedgerFile& file, const std::string& trigger, Ages ages);
  void Finish(const std::string& trigger, Ages ages, Reading* reading);

  const CollectorOptions options_;

  mutable std::mutex mutex_;  // guards all below
  ProcessNames* names_;
  Symbolizer symbolizer_;
  std::set<LedgerFile> finished_;  // of files still there
  CollectorStats stats_;
};

}  // namespace tidemark
