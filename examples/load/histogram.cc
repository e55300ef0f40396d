#include "histogram.h"

#include <algorithm>
#include <cmath>

namespace load {
namespace {

constexpr double kFirstNs = 1000;
constexpr double kGrowth = 1.01;

}  // namespace

void Histogram::Add(int64_t latency_ns) {
  const double steps =
      std::log(std::max<double>(static_cast<double>(latency_ns), kFirstNs) / kFirstNs) /
      std::log(kGrowth);
  ++buckets_[std::min(static_cast<size_t>(steps), kBuckets - 1)];
  ++count_;
}

void Histogram::Clear() {
  buckets_.fill(0);
  count_ = 0;
}

int64_t Histogram::Quantile(double share) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<uint64_t>(std::ceil(share * static_cast<double>(count_)));
  uint64_t seen = 0;
  size_t bucket = 0;
  while (bucket + 1 < kBuckets && (seen += buckets_[bucket]) < wanted) ++bucket;
  return static_cast<int64_t>(kFirstNs * std::pow(kGrowth, static_cast<double>(bucket) + 0.5));
}

}  // namespace load
