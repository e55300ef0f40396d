// The exporter's insides: one thread, one lock.
//
//   Add -> queue -> TakeBatch -> pending --200--> sent
//            |                     |  ^ 503, 429, no connection: after a pause, the same bytes
//            shed                  |--+
//                                  refused, given up
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "model/target.h"
#include "net/http_client.h"
#include "telemetry/export_queue.h"
#include "tidemark/exporter.hpp"

namespace tidemark::sdk {

// A request on its way, encoded once.
struct ExportRequest {
  HttpCall call;
  bool metrics = false;
  uint64_t items = 0;
  size_t charged = 0;  // in the queue's bytes
  uint64_t attempts = 0;
  int64_t first_attempt_ns = 0;  // steady clock
};

enum class ExportOutcome : uint8_t { kSent, kRetry, kRefused };

struct ExportAnswer {
  ExportOutcome outcome = ExportOutcome::kRefused;
  uint64_t rejected = 0;
  int64_t retry_after_ns = 0;
  std::string error;
};

struct Exporter::State {
  State(ExporterOptions given, std::string url, Resource who);
  ~State();

  void Add(const EndedSpan& span);
  void Add(const std::vector<MetricPoint>& points);
  bool Flush(int64_t timeout_ns);
  bool Shutdown(int64_t timeout_ns);
  ExporterStats Stats() const;

  // On the exporter's thread. Those that take a lock give it back while they work.
  void Run();
  void Tick(std::unique_lock<std::mutex>* lock);
  void CollectSources(std::unique_lock<std::mutex>* lock);
  void AskMemoryUse(std::unique_lock<std::mutex>* lock);
  void SetMemoryUse(double use);
  void TakePending(std::unique_lock<std::mutex>* lock);
  void AttemptPending(std::unique_lock<std::mutex>* lock);
  ExportAnswer Attempt(const HttpCall& call) const;
  void Settle(const ExportAnswer& answer);
  void Finish(uint64_t SignalStats::*kind, uint64_t items);
  bool MaySend(int64_t now_ns) const;
  bool IsIdle() const;
  int64_t PauseNs() const;
  int64_t NextWakeNs(int64_t now_ns) const;
  size_t BatchBytes() const;
  void Count(const Shed& shed);
  SignalStats& Of(bool metrics) { return metrics ? stats.points : stats.spans; }

  const ExporterOptions options;
  const std::string endpoint;
  const Resource resource;

  mutable std::mutex mutex;  // guards all below but `cancelled` and the thread
  std::condition_variable changed;
  ExportQueue queue;
  std::optional<ExportRequest> pending;
  std::vector<std::function<std::vector<MetricPoint>()>> sources;
  ExporterStats stats;  // without `queued`, `queue_bytes`, which are counted when asked
  Pressure pressure = Pressure::kNone;
  int failures = 0;           // in a row
  int64_t failed_at_ns = 0;   // steady clock
  int64_t backoff_ns = 0;     // after the last failure
  int64_t asked_wait_ns = 0;  // by the server, after the last failure
  int64_t next_spans_ns = 0, next_metrics_ns = 0, next_memory_ns = 0;
  int hurried = 0;              // callers of Flush
  uint64_t collect_wanted = 0;  // collections of the sources asked for, and made
  uint64_t collected = 0;
  bool stopping = false;
  bool ended = false;  // the thread is done with its work

  std::atomic<bool> cancelled{false};  // ends the attempt under way
  std::thread thread;
};

}  // namespace tidemark::sdk
