#include "recorder/regions.h"

namespace tidemark::recorder {

void Regions::Add(uint64_t address, uint64_t bytes, uint32_t slot) {
  if (full()) return;
  regions_[used_++] = {address, address + bytes, bytes, slot};
}

bool Regions::Remove(uint64_t address, uint64_t bytes, LedgerWriter* ledger) {
  const uint64_t limit = address + bytes;
  bool any = false;
  for (size_t i = 0; i < used_;) {
    Region& region = regions_[i];
    const uint64_t from = region.begin > address ? region.begin : address;
    const uint64_t to = region.end < limit ? region.end : limit;
    if (from >= to) {
      ++i;
      continue;
    }
    any = true;
    const uint64_t lost = to - from;
    if (lost >= region.bytes) {
      ledger->RemoveLive(region.slot);
      region = regions_[--used_];
      continue;
    }
    region.bytes -= lost;
    if (from == region.begin) region.begin = to;
    if (to == region.end) region.end = from;
    ledger->SetLiveSize(region.slot, region.bytes);
    ++i;
  }
  return any;
}

}  // namespace tidemark::recorder
