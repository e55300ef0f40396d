// Takes captures in the background: pulls a profile, writes the circumstances into it, keeps it as
// a file.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/result.h"
#include "diagnose/annotate.h"
#include "model/incident.h"
#include "model/profile.h"
#include "storage/store.h"

namespace tidemark {

struct CaptureOrder {
  std::string id;  // [0-9a-f]+, the file's name
  Resource resource;
  Annotations annotations;
  std::string url;  // of the live profile; empty: only `latest` can be kept
  Profile latest;   // kept when the pull fails; may be empty
};

struct CapturerOptions {
  std::string directory;  // created when absent
  size_t max_queued = 64;
  size_t max_captures = 1000;  // files kept; the oldest go first
  int64_t timeout_ns = 20'000'000'000;
};

class Capturer {
 public:
  // `done` is called from the capturer's thread after the file is on disk and known to the store.
  Capturer(CapturerOptions options, Store* store,
           std::function<void(const CaptureOrder&, const CaptureRef&)> done);
  ~Capturer();  // drops what is queued

  // False when the queue is full; counted.
  bool Enqueue(CaptureOrder order);

  // The file of a capture. Errors: not found.
  Result<std::string> Read(const std::string& id) const;
  std::string PathOf(const std::string& id) const {
    return options_.directory + "/" + id + ".pb.gz";
  }

  uint64_t taken() const;
  uint64_t failed() const;
  uint64_t refused() const;

 private:
  void Run();
  Result<CaptureRef> Take(const CaptureOrder& order);
  void ForgetOldest();

  const CapturerOptions options_;
  Store* const store_;
  const std::function<void(const CaptureOrder&, const CaptureRef&)> done_;

  mutable std::mutex mutex_;  // guards all below but thread_
  std::condition_variable ready_;
  std::deque<CaptureOrder> queue_;
  uint64_t taken_ = 0, failed_ = 0, refused_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tidemark
