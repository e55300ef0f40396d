// What one partition's file already names, so that each name is sent once. A dictionary that is
// full or lost is emptied: names are then sent again, which readers bear (duplicates of one
// meaning). The writer's thread only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include "storage/schema.h"

namespace tidemark {

// Dense numbers for 64-bit ids: the partition's number in the high half, so that no other partition
// has them.
class RefDictionary {
 public:
  static constexpr size_t kMaxEntries = 500'000;  // about 30 MB

  explicit RefDictionary(uint64_t last_ref) : last_ref_(last_ref) {}

  // Sets *added when the id has no number in the file yet, as far as is known.
  uint64_t RefOf(uint64_t id, bool* added) {
    const auto found = refs_.find(id);
    *added = found == refs_.end();
    if (!*added) return found->second;
    if (refs_.size() >= kMaxEntries) refs_.clear();
    refs_.emplace(id, ++last_ref_);
    return last_ref_;
  }

  // A number that the file has already.
  void Load(uint64_t id, uint64_t ref) {
    last_ref_ = std::max(last_ref_, ref);
    if (refs_.size() < kMaxEntries) refs_.try_emplace(id, ref);
  }

 private:
  std::unordered_map<uint64_t, uint64_t> refs_;
  uint64_t last_ref_;
};

class IdSet {
 public:
  // True when the id was not there.
  bool Add(uint64_t id) {
    if (ids_.contains(id)) return false;
    if (ids_.size() >= RefDictionary::kMaxEntries) ids_.clear();
    ids_.insert(id);
    return true;
  }

 private:
  std::unordered_set<uint64_t> ids_;
};

struct PartitionDictionary {
  explicit PartitionDictionary(uint64_t last_ref) : refs(last_ref) {}
  RefDictionary refs;  // series of a points partition, stacks of a profiles partition
  IdSet frames, targets;
  std::unordered_map<uint64_t, int64_t> target_seen_ns;  // the last_ns written for a target
};

// The number before the first ref of a partition.
inline uint64_t FirstRef(TableGroup group, int64_t start_ns) {
  const int64_t width = PartitionWidthNs(group);
  return width == 0 ? 0 : static_cast<uint64_t>(start_ns / width) << 32;
}

}  // namespace tidemark
