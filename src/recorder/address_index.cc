#include "recorder/address_index.h"

namespace tidemark::recorder {

// Where the address is, or the free entry at which the search for it ends.
uint32_t AddressIndex::Find(uint64_t address) const {
  uint32_t at = Home(address);
  while (entries_[at].address != 0 && entries_[at].address != address) at = (at + 1) % kSize;
  return at;
}

uint32_t AddressIndex::Set(uint64_t address, uint32_t slot) {
  Entry& entry = entries_[Find(address)];
  const uint32_t before = entry.address == 0 ? kNoSlot : entry.slot;
  used_ += entry.address == 0;
  entry = {address, slot};
  return before;
}

// Entries behind the hole move into it as long as they may lie there (Knuth, volume 3, 6.4,
// algorithm R).
uint32_t AddressIndex::Remove(uint64_t address) {
  uint32_t hole = Find(address);
  if (entries_[hole].address == 0) return kNoSlot;
  const uint32_t slot = entries_[hole].slot;
  for (uint32_t at = (hole + 1) % kSize; entries_[at].address != 0; at = (at + 1) % kSize) {
    const uint32_t from_home = (at - Home(entries_[at].address)) % kSize;
    if (from_home < (at - hole) % kSize) continue;
    entries_[hole] = entries_[at];
    hole = at;
  }
  entries_[hole] = {};
  --used_;
  return slot;
}

void AddressIndex::Clear() {
  for (uint32_t i = 0; used_ != 0 && i < kSize; ++i) {
    used_ -= entries_[i].address != 0;
    entries_[i] = {};
  }
}

}  // namespace tidemark::recorder
