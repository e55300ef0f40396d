#include "collect/exporter.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/gzip.h"
#include "base/time.h"

namespace tidemark {
namespace {

// OTLP/HTTP: these may be tried again, every other status is final (OTLP specification,
// "Failures" of OTLP/HTTP).
bool IsRetryable(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

std::chrono::nanoseconds Ns(int64_t ns) { return std::chrono::nanoseconds(ns); }

}  // namespace

Exporter::Exporter(ExporterOptions options)
    : options_(std::move(options)), thread_([this] { Run(); }) {}

Exporter::~Exporter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// The mutex is held for both.
void Exporter::Push(Request request, bool front) {
  queue_bytes_ += request.body.size();
  front ? queue_.push_front(std::move(request)) : queue_.push_back(std::move(request));
}

Exporter::Request Exporter::Pop() {
  Request request = std::move(queue_.front());
  queue_.pop_front();
  queue_bytes_ -= request.body.size();
  return request;
}

void Exporter::Send(const std::string& path, const std::string& body, std::function<void()> sent) {
  Request request{path, Gzip(body, 1), std::move(sent)};
  {
    const std::lock_guard lock(mutex_);
    while (!queue_.empty() && (queue_.size() >= options_.max_queue ||
                               queue_bytes_ + request.body.size() > options_.max_queue_bytes)) {
      Pop();
      ++stats_.dropped_full;
    }
    Push(std::move(request), false);
  }
  changed_.notify_all();
}

bool Exporter::Flush(int64_t timeout_ns) {
  std::unique_lock lock(mutex_);
  hurry_ = true;
  changed_.notify_all();
  const bool done =
      changed_.wait_for(lock, Ns(timeout_ns), [this] { return queue_.empty() && !busy_; });
  hurry_ = false;
  return done;
}

ExporterStats Exporter::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

Exporter::Outcome Exporter::Attempt(const Request& request, int64_t* retry_ns) {
  HttpCall call;
  call.method = "POST";
  call.url = options_.server + request.path;
  call.headers = {{"Content-Type", "application/x-protobuf"}, {"Content-Encoding", "gzip"}};
  call.body = request.body;
  call.timeout_ns = options_.timeout_ns;
  call.max_response_bytes = 1 << 20;
  const auto reply = Fetch(call);
  const std::lock_guard lock(mutex_);
  if (reply && reply->status >= 200 && reply->status < 300) {
    ++stats_.sent;
    return Outcome::kSent;
  }
  stats_.last_error =
      reply ? call.url + " answered " + std::to_string(reply->status) : reply.error().message;
  if (!reply) return reply.error().retryable ? Outcome::kRetry : Outcome::kRefused;
  if (!IsRetryable(reply->status)) return Outcome::kRefused;
  const int64_t asked_s = std::atoll(HeaderOr(reply->headers, "Retry-After").c_str());
  if (asked_s > 0) *retry_ns = std::min(asked_s, int64_t{3600}) * kNsPerSecond;
  return Outcome::kRetry;
}

void Exporter::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    Request request = Pop();
    busy_ = true;
    int64_t retry_ns = options_.first_retry_ns << std::min(request.attempts, 10);
    ++request.attempts;
    lock.unlock();
    const Outcome outcome = Attempt(request, &retry_ns);
    if (outcome == Outcome::kSent && request.sent) request.sent();
    lock.lock();
    busy_ = false;
    if (outcome == Outcome::kRetry && request.attempts < options_.max_attempts) {
      ++stats_.retried;
      // Waiting in front of the queue, it is the oldest and the first to go when the queue is full.
      Push(std::move(request), true);
      changed_.wait_for(lock, Ns(std::min(retry_ns, options_.max_retry_ns)),
                        [this] { return stopping_ || hurry_; });
      continue;
    }
    if (outcome != Outcome::kSent) ++stats_.dropped_failed;
    changed_.notify_all();
  }
}

}  // namespace tidemark
