/// @file
/// The server's growth detector inside a service, over the service's own figures, and a heap
/// profile written to a file at the moment it speaks.
///
///   tidemark::sdk::LeakDetector detector({}, [](const tidemark::sdk::LeakReport& leak) {
///     tidemark::sdk::CaptureHeapProfile("/var/tmp/leak.pb.gz", {leak.id}, nullptr);
///   });
///   exporter->AddSource([&] {
///     auto points = metrics.Collect();
///     detector.Observe(points);
///     return points;
///   });
///
/// It sees one process and knows no deploy, route or fleet: the server says more, and sooner. Use
/// it where there is no server to ask. Link tidemark_telemetry. C++17.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/metrics.hpp"
#include "tidemark/tidemark.h"

namespace tidemark::sdk {

enum class Series : std::uint8_t {
  kHeap,         ///< bytes in use
  kRss,          ///< bytes
  kLimit,        ///< bytes
  kActiveSpans,  ///< count
  kRequestRate,  ///< 1/s: with it, growth that follows the traffic is no leak
};

/// A leak, when it is found, with each confirmation (every 5 minutes) and when it has ended. Times
/// are ns since the epoch, of the points.
struct LeakReport {
  std::string id;    ///< 16 hex digits, the same through the life of one leak
  std::string kind;  ///< "heap", "rss" or "spans"
  bool closed = false;
  std::int64_t onset_unix_ns = 0;  ///< where the growth most likely began
  std::int64_t detected_unix_ns = 0;
  std::int64_t updated_unix_ns = 0;
  double bytes_per_hour = 0;               ///< spans an hour for kind "spans"
  double low = 0, high = 0;                ///< its interval, about 95 %
  double confidence = 0;                   ///< 0 to 1
  std::int64_t limit_reached_unix_ns = 0;  ///< at this rate; 0 = no limit known
};

struct LeakDetectorOptions {
  std::string service = "self", version, instance = "self";  ///< they make the report's id
};

struct LeakDetectorStats {
  std::uint64_t points = 0;   ///< taken
  std::uint64_t refused = 0;  ///< not finite, negative, late, far ahead
};

/// Any thread may call; the callback runs on the thread whose point ended a block of five minutes,
/// with no lock held, and may call anything but Observe. About 16 KB in all. Judges by the points'
/// own times: a recording replayed says what it would have said live. It needs points at least
/// every 100 s, best every 10 s, and 25 minutes to 3 hours of growth: docs/detection.md.
class LeakDetector {
 public:
  LeakDetector(LeakDetectorOptions options, std::function<void(const LeakReport&)> on_report);
  ~LeakDetector();
  LeakDetector(const LeakDetector&) = delete;
  LeakDetector& operator=(const LeakDetector&) = delete;

  void Observe(Series series, std::int64_t time_unix_ns, double value);

  /// Takes what RuntimeMetrics collected: tidemark.heap.live, or where the process is not recorded
  /// tidemark.allocator.in_use, process.memory.usage, tidemark.memory.limit, tidemark.spans.active.
  void Observe(const std::vector<MetricPoint>& points);

  LeakDetectorStats stats() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct CaptureOptions {
  std::string trigger;  ///< why: an incident's id, "limit", "demand"
  /// Become comments "key: value" of the profile, which `go tool pprof -comments` shows; at most 64
  /// of 1 KiB each.
  Attributes annotations;
  /// Written as active_trace_ids, the first ten. The ten traces with the most live bytes are
  /// written in any case, as heaviest_trace_ids.
  std::vector<tidemark_span> active_spans;
  /// False: addresses and build ids only, for `go tool pprof PROGRAM FILE` elsewhere. Reading
  /// symbols takes memory of the order of the program's debug information, so not when that is
  /// short.
  bool symbolize = true;
  std::string root;  ///< before /proc, for tests
};

/// Writes the live heap of this process, as its recorder's ledger has it, to `path` as gzipped
/// pprof: stacks with functions and lines, spans as labels, annotations as comments. The file
/// appears whole or not at all. False when the process is not recorded (start it with `tidemark
/// run` or preload libtidemark.so), or the ledger or the file cannot be read or written; *error
/// (may be null) then says which. Takes 0.1 s for a small program, and
/// longer with its debug information; 20 ms without symbols. Any thread, one at a time.
bool CaptureHeapProfile(const std::string& path, const CaptureOptions& options, std::string* error);

}  // namespace tidemark::sdk
