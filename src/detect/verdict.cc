#include "detect/verdict.h"

#include <utility>

namespace tidemark {

uint64_t VerdictBook::Open(Verdict verdict) {
  const uint64_t handle = next_++;
  entries_.emplace(handle, Entry{std::move(verdict), true});
  return handle;
}

Verdict& VerdictBook::Change(uint64_t handle) {
  Entry& entry = entries_.at(handle);
  entry.changed = true;
  return entry.verdict;
}

void VerdictBook::Close(uint64_t handle, double closed_at_s) {
  Change(handle).closed_at_s = closed_at_s;
  ++closed_;
  for (auto it = entries_.begin(); closed_ > max_closed_ && it != entries_.end();) {
    if (it->second.verdict.closed_at_s == 0 || it->first == handle) {
      ++it;
      continue;
    }
    it = entries_.erase(it);
    --closed_;
    ++forgotten_;
  }
}

std::vector<Verdict> VerdictBook::TakeChanged() {
  std::vector<Verdict> changed;
  for (auto& [handle, entry] : entries_) {
    if (entry.changed) changed.push_back(entry.verdict);
    entry.changed = false;
  }
  return changed;
}

std::vector<Verdict> VerdictBook::All() const {
  std::vector<Verdict> all;
  for (const auto& [handle, entry] : entries_) all.push_back(entry.verdict);
  return all;
}

}  // namespace tidemark
