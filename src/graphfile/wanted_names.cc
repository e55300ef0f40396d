#include "graphfile/wanted_names.h"

#include <algorithm>

namespace tidemark::graphfile {

void WantedNames::Add(uint64_t address, uint32_t bytes) {
  const auto [place, added] = names_.try_emplace(address);
  place->second.bytes = std::max(place->second.bytes, bytes);
  ++place->second.spans;
  ++waiting_;
  if (!added) return;
  pages_.set(Bit(address >> kPageBits));
  order_.push_back(address);
  if (order_.size() <= kMaxNames) return;
  if (const auto oldest = names_.find(order_.front()); oldest != names_.end()) {
    lost_ += oldest->second.spans;
    waiting_ -= oldest->second.spans;
    names_.erase(oldest);
  }
  order_.pop_front();
}

bool WantedNames::MayHold(uint64_t begin, uint64_t length) const {
  if (names_.empty() || length == 0) return false;
  const uint64_t first = begin >> kPageBits;
  const uint64_t last = (begin + length - 1) >> kPageBits;
  if (last - first > 4) return true;
  for (uint64_t page = first; page <= last; ++page) {
    if (pages_.test(Bit(page))) return true;
  }
  return false;
}

}  // namespace tidemark::graphfile
