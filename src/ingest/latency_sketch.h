// Quantiles of durations in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tidemark {

// Logarithmic buckets as in DDSketch (Masson, Rim, Lee: "DDSketch", VLDB 2019): bucket i counts
// durations in (g^(i-1), g^i] us with g = (1 + a) / (1 - a), a = 0.01, and answers 2 g^i / (1 + g),
// which is at most 1 % off. Worked: 1 ms lies in bucket 346, (992.5, 1012.6] us, and is told as
// 1002.4 us.
//
// Covers 1 us to 1 h in 1102 buckets; what lies outside counts in the end buckets. Holds the
// buckets between the smallest and the largest seen: two decades take 231 of them, 924 bytes.
// Counts stop at 2^32 - 1.
class LatencySketch {
 public:
  static constexpr size_t kMaxBuckets = 1102;

  void Add(int64_t duration_ns);
  void Merge(const LatencySketch& other);

  // The duration below which a share `q` in [0, 1] of all lie, ns; 0 when there are none.
  int64_t Quantile(double q) const;

  uint64_t count() const { return count_; }
  size_t memory_bytes() const { return buckets_.capacity() * sizeof(uint32_t); }

 private:
  uint32_t& Bucket(size_t index);

  std::vector<uint32_t> buckets_;
  size_t first_ = 0;  // index of buckets_[0]
  uint64_t count_ = 0;
};

}  // namespace tidemark
