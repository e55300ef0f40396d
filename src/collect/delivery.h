// What `tidemark run` and `tidemark watch` do with a reading: it goes to the server as an OTLP
// profile and metrics.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "collect/exporter.h"
#include "collect/ledger_collector.h"
#include "collect/memory_watch.h"
#include "model/point.h"

namespace tidemark {

// The metrics of one process at the time of its reading (docs/formats/metrics.md); `memory` may be
// null.
MetricBatch MetricsOf(const Reading& reading, const CgroupMemory* memory);

// Writes into the last profile of an ended process how it ended, as trigger: "exit" (its ledger
// says so), "oom" (with the evidence as "end"), or "killed".
void AnnotateEnd(MemoryWatch* memory, Reading* reading);

// Told a ledger once the server has taken its process' last profile, or at once without a server.
// On any thread.
using LastTaken = std::function<void(const LedgerFile&)>;

// One thread at a time.
class Delivery {
 public:
  // `server`: "http://host:4318"; "" = nothing is sent. `max_processes` bounds the queue: two
  // intervals' profiles of so many.
  Delivery(std::string server, size_t max_processes);

  bool has_server() const { return exporter_ != nullptr; }

  // `memory` may be null. `last_taken` may be empty.
  void Push(const std::vector<Reading>& readings, const MemoryWatch* memory,
            const LastTaken& last_taken);

  // Waits until all is sent or given up, at most 10 s; says on standard error how it went, after
  // `what`.
  void Finish(const std::string& what);

  ExporterStats stats() const { return exporter_ ? exporter_->stats() : ExporterStats(); }

 private:
  std::string server_;
  std::unique_ptr<Exporter> exporter_;  // null without a server
};

}  // namespace tidemark
