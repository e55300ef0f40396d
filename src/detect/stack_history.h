// The heap profiles of one instance over time, bounded: recent ones dense, older ones ever sparser.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tidemark {

// One stack in one heap profile, unbiased (weights applied).
struct StackSample {
  uint64_t stack_id = 0;
  double inuse_bytes = 0, inuse_objects = 0;
  double alloc_bytes = -1;   // cumulative since process start; < 0 unknown
  double linked_bytes = -1;  // in-use bytes whose allocating span has ended; < 0 unknown
};

struct StackSnapshot {
  int64_t time_ns = 0;
  double period_bytes = 0;           // mean bytes between two samples; 0 = exact
  double requests_total = -1;        // cumulative; < 0 unknown
  double inuse_bytes = 0;            // all stacks
  double alloc_bytes = -1;           // all stacks; < 0 unknown
  std::vector<StackSample> samples;  // by stack_id, distinct

  // The stack's sample, nullptr when it has none in this profile (then nothing of it is in use).
  const StackSample* Find(uint64_t stack_id) const;
};

enum class SnapshotFate : uint8_t { kKept, kLate, kRepeated, kRestart };

// Time order is strict. One thread.
class StackHistory {
 public:
  // kLate: not newer than the last, dropped. kRepeated: equal values within kRepeatNs of the last,
  // dropped: a collected heap shows the state of its last collection, so a repeat says nothing.
  // kRestart: kept, older forgotten.
  SnapshotFate Add(StackSnapshot snapshot);

  // Drops every second profile of the older three quarters, never the first. Returns how many went.
  size_t Thin();

  std::span<const StackSnapshot> snapshots() const { return snapshots_; }
  size_t entries() const { return entries_; }  // samples in all profiles

  static constexpr int64_t kRepeatNs = 30'000'000'000;

 private:
  std::vector<StackSnapshot> snapshots_;
  size_t entries_ = 0;
};

}  // namespace tidemark
