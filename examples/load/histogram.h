// Latencies in buckets of constant relative width (about 1 %), in fixed memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace load {

// Holds 1 us to 100 s; what lies outside counts as the nearest bound.
class Histogram {
 public:
  void Add(int64_t latency_ns);
  void Clear();
  uint64_t count() const { return count_; }
  // The value below which `share` (0 to 1) of all lie, ns; 0 when there are none.
  int64_t Quantile(double share) const;

 private:
  static constexpr size_t kBuckets = 1860;  // ln(1e8) / ln(1.01) and a few
  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
};

}  // namespace load
