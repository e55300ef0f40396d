/// @file
/// What the process knows of its own memory, as OpenTelemetry metrics.
///
///   tidemark::sdk::RuntimeMetrics metrics;
///   exporter->AddSource([&] { return metrics.Collect(); });
///
/// Link tidemark_telemetry. Linux, glibc. C++17.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/tidemark.h"

namespace tidemark::sdk {

using Attributes = std::vector<std::pair<std::string, std::string>>;

/// One value of one series.
struct MetricPoint {
  std::string name;
  std::string unit;      ///< UCUM: "By", "1", "s", "{thread}"
  bool counter = false;  ///< cumulative since start_unix_ns; else a level
  std::int64_t start_unix_ns = 0;
  std::int64_t time_unix_ns = 0;
  double value = 0;
  Attributes attributes;
};

struct RuntimeMetricsOptions {
  /// Reads the recorder's ledger of this process, where it is recorded: live bytes, their standard
  /// error, survivors. Off where `tidemark run --server` sends the same figures already.
  bool ledger = true;
  /// A block allocated inside a span outlives it when it is older than this: the longest span that
  /// is still normal, plus a minute.
  std::int64_t survivor_age_ns = 120'000'000'000;
  /// When set, spans for which it answers true are still active, and their blocks no survivors.
  /// Called from Collect, once for each span in the ledger.
  std::function<bool(const tidemark_span&)> is_active;
  /// How long the program's own allocations may be held up by one look at the allocator.
  std::int64_t allocator_pause_ns = 20'000'000;
  /// Stands before /proc and /sys, for tests. "" = this machine.
  std::string root;
};

/// Each Collect reads /proc/self, the cgroup, glibc's allocator state and the ledger: meant for
/// every few seconds, on a thread that may wait that long. What a machine does not have (no cgroup
/// limit, no PSI, no recorder) is left out. Any thread may call, one Collect runs at a time. The
/// names: docs/sdk.md.
///
/// Costs, as measured: 0.07 ms, and 11 ms with a ledger of 60,000 live samples, for which it takes
/// up to 10 MB meanwhile. glibc counts under each arena's lock and walks its free lists, 0.4 us a
/// free block: the allocator's figures are therefore left out for a thousand times as long as they
/// took, and for an hour once they took longer than allocator_pause_ns.
class RuntimeMetrics {
 public:
  explicit RuntimeMetrics(RuntimeMetricsOptions options = {});
  ~RuntimeMetrics();
  RuntimeMetrics(const RuntimeMetrics&) = delete;
  RuntimeMetrics& operator=(const RuntimeMetrics&) = delete;

  std::vector<MetricPoint> Collect();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::sdk
