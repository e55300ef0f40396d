// Memory for graphs larger than the memory they were given: ordinary memory first, then pages of
// temporary files.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "heapgraph/scratch.h"

namespace tidemark {

// Arrays beyond a quarter of `memory_limit`, small ones beyond half of it, lie in unlinked files of
// `directory`, mapped. Their space is taken from the disk at once, so that a full disk is an error
// of Allocate and not a SIGBUS later. Breathe keeps the process's resident memory under the limit
// by unmapping the pages of those files (what they hold stays, in the page cache or on the disk).
class SpillFile : public heapgraph::Scratch {
 public:
  // What may become resident by one fault: all that the page cache holds in one piece, which on
  // file systems with large folios is up to two megabytes. And from one breath to the next, when
  // dozens of places are touched.
  static constexpr uint64_t kMostAFault = uint64_t{2} << 20;
  static constexpr uint64_t kMostABreath = 32 * kMostAFault;

  SpillFile(uint64_t memory_limit, std::string directory)
      : SpillFile({memory_limit / 4, memory_limit - std::min(kMostABreath, memory_limit / 4)},
                  std::move(directory)) {}
  struct Limits {
    uint64_t in_memory;  // bytes of arrays that lie in ordinary memory; those beyond, in files
    uint64_t resident;   // of the process: from here on Breathe unmaps. More may come between two.
  };
  SpillFile(Limits limits, std::string directory)
      : limits_(limits), directory_(std::move(directory)) {}
  ~SpillFile() override;

  Result<std::span<std::byte>> Allocate(uint64_t bytes) override;
  Result<std::span<std::byte>> Resize(std::span<std::byte> bytes, uint64_t new_bytes) override;
  void Release(std::span<std::byte> bytes) override;
  void Breathe() override;
  bool spills() const override { return spills_; }
  uint64_t peak_bytes() const override;
  // The most bytes that lay in files at one time.
  uint64_t peak_spilled_bytes() const;

 private:
  struct Spilled {
    uint64_t bytes;
    int fd;
  };
  // All below are called under the lock.
  Result<std::span<std::byte>> Take(uint64_t bytes);
  Result<std::span<std::byte>> Spill(uint64_t bytes);
  Result<std::span<std::byte>> ResizeSpilled(std::map<std::byte*, Spilled>::iterator block,
                                             uint64_t new_bytes);
  void GiveBack(std::span<std::byte> bytes);
  bool FitsInMemory(uint64_t bytes, uint64_t other_bytes) const;
  void Count(uint64_t added_memory, uint64_t added_spilled);

  const Limits limits_;
  const std::string directory_;
  std::atomic<bool> spills_ = false;
  mutable std::mutex mutex_;  // guards what follows
  heapgraph::HeapScratch memory_;
  std::map<std::byte*, Spilled> spilled_;
  uint64_t in_memory_ = 0, in_files_ = 0, peak_ = 0, peak_spilled_ = 0;
  uint64_t easy_breaths_ = 0;  // to come before the next look at the resident memory
  uint64_t resident_at_look_ = 0, faults_at_look_ = 0;
  std::thread::id looked_by_;
};

// Bytes of this process in memory now, from /proc/self/statm; 0 = cannot be read.
uint64_t ResidentBytes();

}  // namespace tidemark
