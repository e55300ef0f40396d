// Anonymous mappings that the program made itself, by mmap: recorded exactly, not sampled. glibc's
// own mappings (large blocks, arenas) do not pass here; thread stacks: thread_stacks.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "recorder/ledger_writer.h"

namespace tidemark::recorder {

// Needs the recorder's lock. Memory: 96 KiB, touched as it fills.
class Regions {
 public:
  static constexpr size_t kCapacity = 4096;
  static constexpr uint64_t kMinBytes = 1024 * 1024;  // smaller mappings are not looked at

  bool full() const { return used_ == kCapacity; }
  // `slot`: of the region's sample in the ledger.
  void Add(uint64_t address, uint64_t bytes, uint32_t slot);
  // Nothing is mapped any more at [address, address + bytes): samples of regions wholly inside go,
  // others shrink by what they lose. True when there were any.
  bool Remove(uint64_t address, uint64_t bytes, LedgerWriter* ledger);
  // Forgets all without a trace in the ledger: for a child after fork.
  void Clear() { used_ = 0; }

 private:
  struct Region {
    uint64_t begin, end;
    uint64_t bytes;  // still mapped; less than end - begin when a hole was cut
    uint32_t slot;
  };
  size_t used_ = 0;
  Region regions_[kCapacity] = {};
};

}  // namespace tidemark::recorder
