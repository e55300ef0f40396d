// Heap dumps that were posted: received into files, analysed one after the other in a thread of
// their own, kept as reports.
//
//   directory/ID.part    arriving           ID.json   what is known of it (HeapDumpInfo)
//   directory/ID.dump    waiting            ID.report.json, ID.html, ID.pb.gz   its report
//
// A dump is removed once it is analysed: it holds what the program's memory held. Dumps that wait
// when the server ends are analysed after the next start.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "net/http_server.h"
#include "server/heap_dump_info.h"

namespace tidemark {

struct HeapDumpsOptions {
  std::string directory;  // created when absent
  uint64_t max_upload_bytes = 16ULL << 30;
  uint64_t memory_bytes = 1ULL << 30;    // for one graph; what is larger goes to files beside it
  size_t max_waiting = 4;                // arriving, waiting and being analysed
  size_t max_kept = 200;                 // reports; the oldest go
  uint64_t max_kept_bytes = 1ULL << 30;  // of all reports; the oldest go
};

struct HeapDumpsStats {
  uint64_t received = 0, refused = 0, broken_off = 0, analysed = 0, failed = 0, forgotten = 0;
  uint64_t received_bytes = 0, kept = 0, kept_bytes = 0, waiting = 0;
};

enum class HeapDumpFile : uint8_t { kReport, kHtml, kPprof };

// May be called from any thread.
class HeapDumps {
 public:
  using Done = std::function<void(const HeapDumpInfo&)>;

  // `done` is called from the analysing thread once a report is on disk.
  HeapDumps(HeapDumpsOptions options, Done done);
  ~HeapDumps();  // stops an analysis that runs; it begins again after the next start

  // Room for one that arrives. The sink keeps this object's room until Finish or its end. Errors:
  // resource exhausted, retryable (too many wait), i/o.
  Result<std::shared_ptr<HttpBodySink>> Begin(HeapDumpInfo info);
  // What Begin gave has the whole body: queues it and returns its id. Errors: invalid argument
  // (empty), i/o.
  Result<std::string> Finish(HttpBodySink* received);

  // Newest first.
  std::vector<HeapDumpInfo> List() const;
  // Errors: not found.
  Result<HeapDumpInfo> Find(const std::string& id) const;
  // Errors: not found, also of one that is not analysed yet; i/o.
  Result<std::string> Read(const std::string& id, HeapDumpFile file) const;
  HeapDumpsStats stats() const;

 private:
  class Upload;
  void Restore();
  void Run();
  void Work(const std::string& id);
  Result<void> Analyse(HeapDumpInfo* info);
  void Save(const HeapDumpInfo& info);
  void ForgetOldest();
  void GiveRoomBack(bool broken_off);
  std::string PathOf(const std::string& id, const char* suffix) const {
    return options_.directory + "/" + id + suffix;
  }

  const HeapDumpsOptions options_;
  const Done done_;
  std::atomic<bool> stop_{false};

  mutable std::mutex mutex_;  // guards all below but thread_
  std::condition_variable ready_;
  std::map<std::string, HeapDumpInfo> infos_;
  std::deque<std::string> queue_;
  HeapDumpsStats stats_;
  std::thread thread_;
};

}  // namespace tidemark
