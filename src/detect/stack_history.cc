#include "detect/stack_history.h"

#include <algorithm>
#include <utility>

namespace tidemark {
namespace {

bool SameValues(const StackSnapshot& a, const StackSnapshot& b) {
  if (a.inuse_bytes != b.inuse_bytes || a.samples.size() != b.samples.size()) return false;
  return std::equal(a.samples.begin(), a.samples.end(), b.samples.begin(),
                    [](const StackSample& x, const StackSample& y) {
                      return x.stack_id == y.stack_id && x.inuse_bytes == y.inuse_bytes &&
                             x.inuse_objects == y.inuse_objects && x.alloc_bytes == y.alloc_bytes;
                    });
}

// Counters never fall but by a restart; one percent is left for estimates that were rescaled.
bool IsRestart(const StackSnapshot& before, const StackSnapshot& after) {
  const auto fell = [](double x, double y) { return x >= 0 && y >= 0 && y < 0.99 * x; };
  return fell(before.requests_total, after.requests_total) ||
         fell(before.alloc_bytes, after.alloc_bytes);
}

}  // namespace

const StackSample* StackSnapshot::Find(uint64_t stack_id) const {
  const auto at =
      std::lower_bound(samples.begin(), samples.end(), stack_id,
                       [](const StackSample& sample, uint64_t id) { return sample.stack_id < id; });
  return at != samples.end() && at->stack_id == stack_id ? &*at : nullptr;
}

SnapshotFate StackHistory::Add(StackSnapshot snapshot) {
  SnapshotFate fate = SnapshotFate::kKept;
  if (!snapshots_.empty()) {
    const StackSnapshot& last = snapshots_.back();
    if (snapshot.time_ns <= last.time_ns) return SnapshotFate::kLate;
    if (IsRestart(last, snapshot)) {
      snapshots_.clear();
      entries_ = 0;
      fate = SnapshotFate::kRestart;
    } else if (snapshot.time_ns - last.time_ns < kRepeatNs && SameValues(last, snapshot)) {
      return SnapshotFate::kRepeated;
    }
  }
  entries_ += snapshot.samples.size();
  snapshots_.push_back(std::move(snapshot));
  return fate;
}

size_t StackHistory::Thin() {
  const size_t older = snapshots_.size() * 3 / 4;
  size_t kept = 0;
  for (size_t i = 0; i < snapshots_.size(); ++i) {
    if (i < older && i % 2 == 1) {
      entries_ -= snapshots_[i].samples.size();
      continue;
    }
    if (kept != i) snapshots_[kept] = std::move(snapshots_[i]);
    ++kept;
  }
  const size_t gone = snapshots_.size() - kept;
  snapshots_.resize(kept);
  return gone;
}

}  // namespace tidemark
