// One run after its command has started: what is done each interval, on request and at the end.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "collect/child_process.h"
#include "collect/exporter.h"
#include "collect/ledger_collector.h"
#include "collect/run_options.h"
#include "model/point.h"

namespace tidemark {

// Used by one thread. Options and collector outlive it.
class RunSession {
 public:
  RunSession(const RunOptions& options, LedgerCollector* collector, uint64_t main_pid);

  // Reads every ledger, and pushes profiles and metrics when there is a server.
  void Tick();

  // A report of every process to standard output, now.
  void Report(const std::string& trigger);

  // The last reading: pushed (waiting up to 10 s) or reported.
  void Finish(const ChildEnd& end);

 private:
  std::vector<Reading> ReadAll(const std::string& trigger, bool main_ended);
  void Push(const std::vector<Reading>& readings);
  void Print(const std::vector<Reading>& readings);
  void ExplainSilence(const std::vector<Reading>& readings);

  const RunOptions& options_;
  LedgerCollector* collector_;
  const uint64_t main_pid_;
  std::unique_ptr<Exporter> exporter_;  // null without a server
  std::map<uint64_t, Profile> first_;   // by pid, at most LedgerCollector::kMaxProcesses
  bool explained_ = false;
};

// The metrics of one process at the time of its reading: process.memory.usage,
// tidemark.heap.live, tidemark.heap.allocated, tidemark.memory.limit.
MetricBatch MetricsOf(const Reading& reading);

}  // namespace tidemark
