// Fetches heap dumps from running services in the background, one at a time, and hands them to
// HeapDumps for analysis.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "server/heap_dumps.h"

namespace tidemark {

struct HeapDumpOrder {
  std::string url;
  HeapDumpInfo info;  // name, service, version, incident_id
};

struct HeapDumpPullerOptions {
  size_t max_queued = 16;
  int64_t timeout_ns = 600'000'000'000;  // of one dump; a program writes some 500 MB a second
  int64_t retry_ns = 2'000'000'000;      // between looks for room among the dumps that wait
};

struct HeapDumpPullerStats {
  uint64_t pulled = 0, failed = 0, refused = 0;
};

// May be called from any thread.
class HeapDumpPuller {
 public:
  // `dumps` must outlive it.
  HeapDumpPuller(HeapDumpPullerOptions options, HeapDumps* dumps);
  ~HeapDumpPuller();  // drops what is queued, breaks off what arrives

  // False when the queue is full; counted.
  bool Enqueue(HeapDumpOrder order);
  HeapDumpPullerStats stats() const;

 private:
  void Run();
  Result<void> Pull(const HeapDumpOrder& order);
  Result<std::shared_ptr<HttpBodySink>> WaitForRoom(const HeapDumpInfo& info);

  const HeapDumpPullerOptions options_;
  HeapDumps* const dumps_;
  std::atomic<bool> stop_{false};

  mutable std::mutex mutex_;  // guards all below but thread_
  std::condition_variable ready_;
  std::deque<HeapDumpOrder> queue_;
  HeapDumpPullerStats stats_;
  std::thread thread_;
};

}  // namespace tidemark
