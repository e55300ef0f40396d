// The ledgers of one run: those of the command and of every process it forked or executed.
#pragma once

#include <cstdint>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "collect/identity.h"
#include "collect/profile_builder.h"
#include "symbolize/symbolizer.h"

namespace tidemark {

// One process, as its ledger stood.
struct Reading {
  uint64_t pid = 0;
  bool is_main = false;
  bool ended = false;  // the process is gone: this is its last reading
  LedgerHeader header;
  LiveTotals totals;
  ProfileBatch batch;
};

// Any thread may call; one reading is made at a time, since they share a symbolizer.
class LedgerCollector {
 public:
  // `remove_ended`: the ledgers of processes that ended, but for the main one's, are removed after
  // their last reading.
  LedgerCollector(std::string directory, ServiceIdentity identity, std::string command_line,
                  bool remove_ended);

  // Known once the command has started and the endpoint listens.
  void SetMain(uint64_t pid, uint16_t pprof_port);

  // Errors: as ReadLedger. `trigger` becomes an annotation.
  Result<Reading> Read(uint64_t pid, const std::string& trigger);

  // The main process first; at most kMaxProcesses. Processes whose last reading was taken are not
  // listed again. `main_ended`: the main process is known to be gone.
  std::vector<Reading> ReadAll(const std::string& trigger, bool main_ended);

  // Process ids with a ledger, the main one first.
  std::vector<uint64_t> Pids();

  // Processes passed over because there were more than kMaxProcesses, counted at each ReadAll.
  uint64_t passed_over() const;
  // Ledgers that could not be read, counted each time.
  uint64_t unreadable() const;

  static constexpr size_t kMaxProcesses = 64;

 private:
  std::string PathOf(uint64_t pid) const;
  std::vector<uint64_t> PidsLocked() const;
  Result<Reading> ReadLocked(uint64_t pid, const std::string& trigger);

  const std::string directory_;
  const ServiceIdentity identity_;
  const std::string command_line_;
  const bool remove_ended_;

  mutable std::mutex mutex_;  // guards all below
  Symbolizer symbolizer_;
  uint64_t main_pid_ = 0;
  uint16_t pprof_port_ = 0;
  std::set<uint64_t> finished_;
  uint64_t passed_over_ = 0;
  uint64_t unreadable_ = 0;
};

}  // namespace tidemark
