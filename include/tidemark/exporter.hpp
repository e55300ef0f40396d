/// @file
/// Sends spans and metrics over OTLP/HTTP without ever being the problem: it blocks nobody, takes
/// no more memory than it is given, gives most of that back when memory runs short, and counts
/// whatever it could not deliver.
///
///   std::string error;
///   auto exporter = tidemark::sdk::Exporter::Start({}, &error);   // the OTEL_* variables
///   exporter->AddSource([&] { return metrics.Collect(); });
///   exporter->Add(span);
///
/// Link tidemark_telemetry. C++17.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tidemark/metrics.hpp"
#include "tidemark/tidemark.h"

namespace tidemark::sdk {

enum class SpanKind : std::uint8_t {
  kUnspecified,
  kInternal,
  kServer,
  kClient,
  kProducer,
  kConsumer
};

/// An ended span. Name and route beyond 1 KiB are cut, attributes beyond 16 KiB in all left out
/// (and told to the server as dropped_attributes_count).
struct EndedSpan {
  tidemark_span span{};
  std::uint8_t parent_id[8] = {};  ///< all zero: the root of its trace
  std::string name;
  std::string route;  ///< sent as http.route; may be empty
  SpanKind kind = SpanKind::kUnspecified;
  bool error = false;
  std::int64_t start_unix_ns = 0;
  std::int64_t end_unix_ns = 0;
  Attributes attributes;
};

struct ExporterOptions {
  /// http://host:port, without /v1/traces. "" = OTEL_EXPORTER_OTLP_ENDPOINT, else
  /// http://127.0.0.1:4318. TLS is for a collector or proxy beside the service: https is refused.
  std::string endpoint;
  /// Resource attributes, over those of OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME. What
  /// neither names is filled in: service.name (the program's), service.instance.id (host-pid),
  /// process.pid, telemetry.sdk.*.
  Attributes resource;

  /// Spans and metrics waiting or under way, with all their overhead; at least 256 KiB. On top come
  /// two copies of one batch while it is sent.
  std::size_t max_queue_bytes = std::size_t{8} << 20;
  std::size_t max_batch_bytes = std::size_t{512} << 10;  ///< of one request, before compression
  bool gzip = true;

  std::int64_t span_interval_ns = 1'000'000'000;     ///< a full batch goes at once
  std::int64_t metric_interval_ns = 10'000'000'000;  ///< between two calls of the sources
  std::int64_t timeout_ns = 10'000'000'000;          ///< of one attempt
  std::int64_t first_retry_ns = 1'000'000'000;  ///< doubles with each failure; half of it is jitter
  std::int64_t max_retry_ns = 30'000'000'000;
  std::int64_t max_retry_after_ns =
      600'000'000'000;                        ///< of what a server asks for with Retry-After
  std::int64_t give_up_ns = 300'000'000'000;  ///< a batch refused for so long is dropped
  std::int64_t shutdown_ns = 5'000'000'000;   ///< what the destructor grants to the last batches

  /// Memory in use as a share of the limit. At `memory_high` the queue and the batches shrink to a
  /// quarter and spans that are neither root nor error are shed; at `memory_critical` to a
  /// sixteenth.
  double memory_high = 0.85, memory_critical = 0.95;
  /// How much is in use, 0 to 1; asked at the start and once a second. Empty = this process'
  /// cgroup, without file cache that the kernel can drop; without a limit there, the machine's.
  std::function<double()> memory_use;
};

/// Of spans or of metric points. added = sent + rejected + dropped() + queued, at any instant.
struct SignalStats {
  std::uint64_t added = 0;
  std::uint64_t sent = 0;              ///< the server acknowledged them
  std::uint64_t rejected = 0;          ///< it took the request and refused these (partial_success)
  std::uint64_t dropped_full = 0;      ///< the queue was full
  std::uint64_t dropped_pressure = 0;  ///< memory was short
  std::uint64_t dropped_refused = 0;   ///< the server refused the request for good (400, 413 ...)
  std::uint64_t dropped_expired = 0;   ///< it could not be reached, or was busy, for give_up_ns
  std::uint64_t dropped_shutdown = 0;  ///< left over at the end, or added after it
  std::uint64_t queued = 0;            ///< waiting, or under way

  std::uint64_t dropped() const {
    return dropped_full + dropped_pressure + dropped_refused + dropped_expired + dropped_shutdown;
  }
};

struct ExporterStats {
  SignalStats spans, points;
  std::uint64_t requests = 0;        ///< attempts
  std::uint64_t retries = 0;         ///< attempts that had failed before
  std::uint64_t sources_failed = 0;  ///< sources that threw
  std::uint64_t queue_bytes = 0;     ///< now
  std::uint64_t peak_queue_bytes = 0;
  double memory_use = 0;   ///< as last asked
  std::string last_error;  ///< "" = none so far
};

/// One background thread sends; every other thread may call anything. Nothing waits for the network
/// but Flush and Shutdown. Not for signal handlers. Start it after fork: a child has no such
/// thread.
///
/// What goes first when room is short: spans that are neither roots nor errors, then roots (no
/// parent, or of a server or consumer), then errors, then metrics; the oldest of each. Delivery is
/// at least once: an answer that is lost on the way back makes a batch come twice.
class Exporter {
 public:
  /// Null when the endpoint is no http URL; *error then says what it was. The thread runs from
  /// here.
  static std::unique_ptr<Exporter> Start(ExporterOptions options, std::string* error);
  ~Exporter();  ///< Shutdown(shutdown_ns)
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  /// Queues the span: about a microsecond, and a lock for the length of a copy.
  void Add(const EndedSpan& span);
  /// Queues points now, all of one moment or not.
  void Add(const std::vector<MetricPoint>& points);

  /// Called every metric_interval_ns and once at shutdown, on the exporter's thread. What it refers
  /// to must outlive the exporter: declare the exporter after it. If it throws, its points are lost
  /// and counted; while it hangs nothing is sent, and Shutdown waits for it.
  void AddSource(std::function<std::vector<MetricPoint>()> source);

  /// Waits until everything added so far is sent or given up, at most `timeout_ns`; backs off at
  /// most 100 ms between attempts, but as long as a server asks. True when nothing is left.
  bool Flush(std::int64_t timeout_ns);
  /// Collects the sources once more, flushes and ends the thread. What is then left is counted as
  /// dropped_shutdown. True when nothing was. Later calls return true and do nothing.
  bool Shutdown(std::int64_t timeout_ns);

  ExporterStats stats() const;
  /// The same as points: otel.sdk.exporter.span.exported, tidemark.exporter.dropped by reason,
  /// tidemark.exporter.queue. For AddSource: exporter->AddSource([e = exporter.get()] { return
  /// e->Metrics(); }).
  std::vector<MetricPoint> Metrics() const;

 private:
  struct State;
  explicit Exporter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tidemark::sdk
