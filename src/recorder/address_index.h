// Which slot of the ledger a block's address has: for blocks that are not ours and so carry no tag
// (slab.h). A table with open addressing, at most half full. Threads: the recorder's lock.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ledger/format.h"

namespace tidemark::recorder {

// Memory: 2 MiB, touched as it fills.
class AddressIndex {
 public:
  static constexpr uint32_t kNoSlot = 0xffffffff;

  // The slot that was on record for the address before; kNoSlot: none. `address` is not 0.
  uint32_t Set(uint64_t address, uint32_t slot);
  // Takes the address off. kNoSlot: it was not on record.
  uint32_t Remove(uint64_t address);
  void Clear();

 private:
  static constexpr uint32_t kSize = 2 * ledger::kLiveCapacity;
  struct Entry {
    uint64_t address;  // 0: free
    uint32_t slot;
  };
  static uint32_t Home(uint64_t address) {
    return static_cast<uint32_t>((address * 0x9e3779b97f4a7c15) >> 32) % kSize;
  }
  uint32_t Find(uint64_t address) const;

  uint32_t used_ = 0;
  Entry entries_[kSize] = {};
};

}  // namespace tidemark::recorder
