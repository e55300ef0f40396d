#include "telemetry/exporter_state.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "base/gzip.h"
#include "base/time.h"
#include "telemetry/otlp_requests.h"
#include "telemetry/proc_files.h"
#include "telemetry/retry.h"

namespace tidemark::sdk {
namespace {

constexpr int64_t kMemoryIntervalNs = 1'000'000'000;
constexpr int64_t kHurriedBackoffNs = 100'000'000;
constexpr size_t kMaxAnswerBytes = 1 << 20;
constexpr size_t kMaxErrorBytes = 512;

ExporterOptions Sane(ExporterOptions options) {
  for (int64_t* pause : {&options.span_interval_ns, &options.metric_interval_ns,
                         &options.timeout_ns, &options.first_retry_ns, &options.max_retry_ns}) {
    *pause = std::max<int64_t>(*pause, 1'000'000);
  }
  options.max_batch_bytes = std::max(options.max_batch_bytes, ExportQueue::kChunkBytes);
  if (!options.memory_use) options.memory_use = [] { return MemoryUse(""); };
  return options;
}

uint32_t Random() {
  static thread_local std::minstd_rand generator{std::random_device{}()};
  return static_cast<uint32_t>(uint64_t{generator()} << 1);
}

}  // namespace

Exporter::State::State(ExporterOptions given, std::string url, Resource who)
    : options(Sane(std::move(given))),
      endpoint(std::move(url)),
      resource(std::move(who)),
      queue(options.max_queue_bytes) {
  const int64_t now_ns = SteadyClockNs();
  next_spans_ns = now_ns + options.span_interval_ns;
  next_metrics_ns = now_ns + options.metric_interval_ns;
  next_memory_ns = now_ns + kMemoryIntervalNs;
  SetMemoryUse(options.memory_use());
  // Signals are the service's: none is delivered to a thread it knows nothing of.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread = std::thread([this] { Run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Exporter::State::~State() {
  if (thread.joinable()) thread.join();  // Shutdown has ended it
}

void Exporter::State::Count(const Shed& shed) {
  stats.spans.dropped_full += shed.spans_full;
  stats.spans.dropped_pressure += shed.spans_pressure;
  stats.points.dropped_full += shed.points_full;
  stats.points.dropped_pressure += shed.points_pressure;
}

void Exporter::State::Add(const EndedSpan& span) {
  thread_local std::string encoded;
  encoded.clear();
  AppendSpan(span, &encoded);
  const Rank rank = RankOf(span);
  Shed shed;
  const std::lock_guard lock(mutex);
  ++stats.spans.added;
  if (stopping) {
    ++stats.spans.dropped_shutdown;
    return;
  }
  queue.Push(rank, encoded, 1, &shed);
  Count(shed);
  if (queue.bytes() >= BatchBytes() && !pending) changed.notify_all();
}

void Exporter::State::Add(const std::vector<MetricPoint>& points) {
  if (points.empty()) return;
  const std::string encoded = MetricsRequest(resource, points);
  Shed shed;
  const std::lock_guard lock(mutex);
  stats.points.added += points.size();
  if (ended) {
    stats.points.dropped_shutdown += points.size();
    return;
  }
  queue.Push(Rank::kMetrics, encoded, points.size(), &shed);
  Count(shed);
}

ExporterStats Exporter::State::Stats() const {
  const std::lock_guard lock(mutex);
  ExporterStats now = stats;
  now.spans.queued = queue.spans();
  now.points.queued = queue.points();
  if (pending) (pending->metrics ? now.points : now.spans).queued += pending->items;
  now.queue_bytes = queue.bytes();
  now.peak_queue_bytes = queue.peak_bytes();
  return now;
}

bool Exporter::State::IsIdle() const {
  return !pending && !queue.Has(true) && !queue.Has(false) && collected == collect_wanted;
}

bool Exporter::State::Flush(int64_t timeout_ns) {
  std::unique_lock lock(mutex);
  ++hurried;
  changed.notify_all();
  const bool done = changed.wait_for(lock, std::chrono::nanoseconds(timeout_ns),
                                     [this] { return IsIdle() || ended; });
  --hurried;
  return done && IsIdle();
}

bool Exporter::State::Shutdown(int64_t timeout_ns) {
  {
    std::unique_lock lock(mutex);
    if (ended) return true;
    if (!stopping) ++collect_wanted;
    stopping = true;
    ++hurried;
    changed.notify_all();
    changed.wait_for(lock, std::chrono::nanoseconds(timeout_ns),
                     [this] { return IsIdle() || ended; });
    if (ended) return true;  // another thread was faster
    ended = true;
    cancelled = true;
    changed.notify_all();
  }
  thread.join();
  const std::lock_guard lock(mutex);
  if (pending) Finish(&SignalStats::dropped_shutdown, pending->items);
  const auto [spans, points] = queue.Clear();
  stats.spans.dropped_shutdown += spans;
  stats.points.dropped_shutdown += points;
  changed.notify_all();
  return stats.spans.dropped_shutdown + stats.points.dropped_shutdown == 0;
}

size_t Exporter::State::BatchBytes() const {
  const size_t share = pressure == Pressure::kNone ? 1 : pressure == Pressure::kHigh ? 4 : 16;
  return std::max(options.max_batch_bytes / share, ExportQueue::kChunkBytes);
}

// After a failure, until the next attempt.
int64_t Exporter::State::PauseNs() const {
  const int64_t own = hurried != 0 ? std::min(backoff_ns, kHurriedBackoffNs) : backoff_ns;
  return std::max(own, asked_wait_ns);
}

bool Exporter::State::MaySend(int64_t now_ns) const {
  return failures == 0 || now_ns - failed_at_ns >= PauseNs();
}

int64_t Exporter::State::NextWakeNs(int64_t now_ns) const {
  int64_t wake = std::min({next_metrics_ns, next_memory_ns, next_spans_ns});
  if (pending) wake = std::min(wake, failed_at_ns + PauseNs());
  return std::max(wake, now_ns + 1'000'000);
}

void Exporter::State::Run() {
  std::unique_lock lock(mutex);
  while (!ended) {
    Tick(&lock);
    const int64_t now_ns = SteadyClockNs();
    const bool due = hurried != 0 || now_ns >= next_spans_ns || queue.bytes() >= BatchBytes();
    if (!pending && due && (queue.Has(true) || queue.Has(false))) TakePending(&lock);
    if (now_ns >= next_spans_ns) next_spans_ns = now_ns + options.span_interval_ns;
    if (ended) break;
    if (pending && MaySend(now_ns)) {
      AttemptPending(&lock);
      continue;
    }
    if (IsIdle()) changed.notify_all();
    changed.wait_for(lock, std::chrono::nanoseconds(NextWakeNs(now_ns) - now_ns));
  }
}

void Exporter::State::Tick(std::unique_lock<std::mutex>* lock) {
  const int64_t now_ns = SteadyClockNs();
  if (now_ns >= next_memory_ns) {
    next_memory_ns = now_ns + kMemoryIntervalNs;
    AskMemoryUse(lock);
  }
  if (now_ns >= next_metrics_ns || collected != collect_wanted) {
    next_metrics_ns = now_ns + options.metric_interval_ns;
    CollectSources(lock);
  }
}

void Exporter::State::AskMemoryUse(std::unique_lock<std::mutex>* lock) {
  lock->unlock();
  const double use = options.memory_use();
  lock->lock();
  SetMemoryUse(use);
}

void Exporter::State::SetMemoryUse(double use) {
  stats.memory_use = use;
  pressure = use >= options.memory_critical ? Pressure::kCritical
             : use >= options.memory_high   ? Pressure::kHigh
                                            : Pressure::kNone;
  Shed shed;
  queue.SetPressure(pressure, &shed);
  Count(shed);
}

void Exporter::State::CollectSources(std::unique_lock<std::mutex>* lock) {
  const uint64_t wanted = collect_wanted;
  const auto asked = sources;
  lock->unlock();
  uint64_t failed = 0;
  for (const auto& source : asked) {
    try {
      Add(source());
    } catch (...) {
      ++failed;
    }
  }
  lock->lock();
  stats.sources_failed += failed;
  collected = wanted;
}

void Exporter::State::TakePending(std::unique_lock<std::mutex>* lock) {
  Batch batch = queue.Take(queue.Has(true), BatchBytes());
  // In the place of `pending` already, so that the sums are right while the lock is open.
  pending.emplace();
  pending->metrics = batch.metrics;
  pending->items = batch.items;
  pending->charged = batch.charged;
  lock->unlock();
  HttpCall call;
  call.method = "POST";
  call.url = endpoint + (batch.metrics ? "/v1/metrics" : "/v1/traces");
  call.headers = {{"Content-Type", "application/x-protobuf"}};
  call.body = batch.metrics ? std::move(batch.bytes) : TracesRequest(resource, batch.bytes);
  batch.bytes = {};
  if (options.gzip) {
    call.headers.emplace_back("Content-Encoding", "gzip");
    call.body = Gzip(call.body, 1);
  }
  call.timeout_ns = options.timeout_ns;
  call.max_response_bytes = kMaxAnswerBytes;
  call.cancelled = &cancelled;
  lock->lock();
  pending->call = std::move(call);
  pending->first_attempt_ns = SteadyClockNs();
}

ExportAnswer Exporter::State::Attempt(const HttpCall& call) const {
  ExportAnswer answer;
  const auto reply = Fetch(call);
  if (!reply) {
    answer.error = reply.error().message;
    answer.outcome = reply.error().retryable ? ExportOutcome::kRetry : ExportOutcome::kRefused;
    return answer;
  }
  if (reply->status >= 200 && reply->status < 300) {
    answer.outcome = ExportOutcome::kSent;
    answer.rejected = RejectedItems(reply->body, &answer.error);
    return answer;
  }
  answer.error = call.url + " answered " + std::to_string(reply->status);
  if (!IsRetryable(reply->status)) return answer;
  answer.outcome = ExportOutcome::kRetry;
  answer.retry_after_ns =
      std::min(RetryAfterNs(HeaderOr(reply->headers, "Retry-After"), WallClockNs()),
               options.max_retry_after_ns);
  return answer;
}

void Exporter::State::AttemptPending(std::unique_lock<std::mutex>* lock) {
  ++stats.requests;
  if (pending->attempts++ != 0) ++stats.retries;
  lock->unlock();
  const ExportAnswer answer = Attempt(pending->call);  // only this thread changes it
  lock->lock();
  Settle(answer);
}

void Exporter::State::Finish(uint64_t SignalStats::*kind, uint64_t items) {
  Of(pending->metrics).*kind += items;
  queue.Release(pending->charged);
  pending.reset();
}

void Exporter::State::Settle(const ExportAnswer& answer) {
  if (!answer.error.empty()) stats.last_error = answer.error.substr(0, kMaxErrorBytes);
  if (answer.outcome == ExportOutcome::kSent) {
    failures = 0;
    const uint64_t rejected = std::min(answer.rejected, pending->items);
    Of(pending->metrics).rejected += rejected;
    return Finish(&SignalStats::sent, pending->items - rejected);
  }
  if (answer.outcome == ExportOutcome::kRefused) {
    failures = 0;
    return Finish(&SignalStats::dropped_refused, pending->items);
  }
  ++failures;
  failed_at_ns = SteadyClockNs();
  backoff_ns = BackoffNs({options.first_retry_ns, options.max_retry_ns}, failures, Random());
  asked_wait_ns = answer.retry_after_ns;
  if (failed_at_ns - pending->first_attempt_ns >= options.give_up_ns) {
    Finish(&SignalStats::dropped_expired, pending->items);
  }
}

}  // namespace tidemark::sdk
