// Sends OTLP requests to the server from a thread of its own, so that a slow or absent server never
// holds up the run.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "net/http_client.h"

namespace tidemark {

struct ExporterOptions {
  std::string server;                     // "http://host:port"
  size_t max_queue = 16;                  // requests; beyond, the oldest is dropped
  size_t max_queue_bytes = 64 << 20;      // of them, as sent; the same
  int64_t timeout_ns = 5'000'000'000;     // of one attempt
  int64_t first_retry_ns = 500'000'000;   // doubles with each attempt
  int64_t max_retry_ns = 30'000'000'000;  // also bounds what the server asks for
  int max_attempts = 6;                   // of one request
};

struct ExporterStats {
  uint64_t sent = 0, retried = 0;
  uint64_t dropped_full = 0;    // the queue was full
  uint64_t dropped_failed = 0;  // refused for good, or out of attempts
  std::string last_error;
};

// Any thread may call.
class Exporter {
 public:
  explicit Exporter(ExporterOptions options);
  // Ends the thread; what is still queued is lost (see Flush).
  ~Exporter();
  Exporter(const Exporter&) = delete;
  Exporter& operator=(const Exporter&) = delete;

  // Queues a POST of an OTLP protobuf body, gzipped here, to `path` ("/v1/metrics"). `sent` is
  // called on the exporter's thread once the server has taken it, and never when it is lost.
  void Send(const std::string& path, const std::string& body, std::function<void()> sent = {});

  // Waits until all is sent or given up, at most `timeout_ns`, without pauses between attempts.
  // True when nothing is left.
  bool Flush(int64_t timeout_ns);

  ExporterStats stats() const;

 private:
  struct Request {
    std::string path, body;
    std::function<void()> sent;
    int attempts = 0;
  };
  enum class Outcome { kSent, kRetry, kRefused };

  void Run();
  void Push(Request request, bool front);
  Request Pop();
  Outcome Attempt(const Request& request, int64_t* retry_ns);

  const ExporterOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> queue_;
  size_t queue_bytes_ = 0;
  bool busy_ = false;   // one request, taken from the queue, is under way
  bool hurry_ = false;  // Flush waits: no pauses between attempts
  bool stopping_ = false;
  ExporterStats stats_;
  std::thread thread_;
};

}  // namespace tidemark
