#include "graphfile/name_table.h"

#include "base/hash.h"

namespace tidemark::graphfile {

NameTable::Slot& NameTable::Place(uint64_t hash) {
  size_t at = hash & (slots_.size() - 1);
  while (slots_[at].hash != 0 && slots_[at].hash != hash) at = (at + 1) & (slots_.size() - 1);
  return slots_[at];
}

void NameTable::Grow() {
  std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.hash != 0) Place(slot.hash) = slot;
  }
}

uint32_t NameTable::Find(std::string_view name, bool* added) {
  *added = false;
  if (count_ * 4 >= slots_.size() * 3 && count_ < kMaxNames) Grow();
  const uint64_t hash = Hash64(name);
  Slot& slot = Place(hash);
  if (slot.hash != 0) return slot.number;
  if (count_ == kMaxNames) return kMaxNames;
  slot.hash = hash;
  slot.number = count_++;
  *added = true;
  return slot.number;
}

}  // namespace tidemark::graphfile
