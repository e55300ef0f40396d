// One run after its command has started: what is done each interval, on request and at the end.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "collect/child_process.h"
#include "collect/delivery.h"
#include "collect/ledger_collector.h"
#include "collect/memory_watch.h"
#include "collect/run_options.h"

namespace tidemark {

// Used by one thread. Options, collector and names outlive it.
class RunSession {
 public:
  // `remove_ended`: ledgers of processes other than the main one go after their last reading.
  RunSession(const RunOptions& options, LedgerCollector* collector, RunNames* names,
             uint64_t main_pid, bool remove_ended);

  // Reads every ledger, and pushes profiles and metrics when there is a server.
  void Tick();

  // Between ticks, about twice a second: pushes at once the profile of a process near its limit.
  void LookAtMemory();

  // A report of every process to standard output, now.
  void Report(const std::string& trigger);

  // The last reading: pushed (waiting up to 10 s) or reported.
  void Finish(const ChildEnd& end);

 private:
  std::vector<Reading> ReadAll(const std::string& trigger, Ages ages);
  void Push(const std::vector<Reading>& readings);
  void Print(const std::vector<Reading>& readings);
  void ExplainSilence(const std::vector<Reading>& readings);

  const RunOptions& options_;
  LedgerCollector* collector_;
  RunNames* names_;
  const uint64_t main_pid_;
  const bool remove_ended_;
  Delivery delivery_;
  MemoryWatch memory_;
  std::map<std::string, Profile> first_;  // by ledger; of live processes
  bool explained_ = false;
};

}  // namespace tidemark
