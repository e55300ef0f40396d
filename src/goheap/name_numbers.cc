#include "goheap/name_numbers.h"

#include <bit>

namespace tidemark::goheap {
namespace {

constexpr size_t kFirstSlots = 1 << 10;

uint64_t HashOf(const NameAt& name) {
  const uint64_t mixed = (name.address ^ std::rotl(name.length, 48)) * 0x9E3779B97F4A7C15;
  return (mixed ^ mixed >> 32) * 0xBF58476D1CE4E5B9;
}

}  // namespace

uint32_t NameNumbers::Number(const NameAt& name) {
  if (slots_.size() < 2 * (names_.size() + 1)) Grow();
  const uint64_t hash = HashOf(name);
  Slot* const slot = Find(name, hash);
  if (*slot == 0) {
    if (names_.size() >= kMaxNames) return 0;
    names_.push_back(name);
    *slot = hash >> kNumberBits << kNumberBits | names_.size();
  }
  return static_cast<uint32_t>(*slot & ((1u << kNumberBits) - 1));
}

void NameNumbers::Prefetch(const NameAt& name) const {
  if (!slots_.empty()) __builtin_prefetch(&slots_[HashOf(name) & (slots_.size() - 1)]);
}

// The slot that has it, or the empty one where it would be.
NameNumbers::Slot* NameNumbers::Find(const NameAt& name, uint64_t hash) {
  for (uint64_t at = hash;; ++at) {
    Slot& slot = slots_[at & (slots_.size() - 1)];
    if (slot == 0) return &slot;
    if ((slot ^ hash) >> kNumberBits != 0) continue;
    if (names_[(slot & ((1u << kNumberBits) - 1)) - 1] == name) return &slot;
  }
}

void NameNumbers::Grow() {
  const std::vector<Slot> old = std::move(slots_);
  slots_.assign(old.empty() ? kFirstSlots : 2 * old.size(), 0);
  for (const Slot slot : old) {
    if (slot == 0) continue;
    const NameAt& name = names_[(slot & ((1u << kNumberBits) - 1)) - 1];
    *Find(name, HashOf(name)) = slot;
  }
}

}  // namespace tidemark::goheap
