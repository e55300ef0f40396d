#include "ingest/latency_sketch.h"

#include <algorithm>
#include <cmath>

namespace tidemark {
namespace {

constexpr double kAccuracy = 0.01;
constexpr double kBase = (1 + kAccuracy) / (1 - kAccuracy);
constexpr double kNsPerUs = 1000;

size_t IndexOf(int64_t duration_ns) {
  static const double kLogBase = std::log(kBase);
  const double us = static_cast<double>(duration_ns) / kNsPerUs;
  if (us <= 1) return 0;
  const double index = std::ceil(std::log(us) / kLogBase);
  return std::min(static_cast<size_t>(index), LatencySketch::kMaxBuckets - 1);
}

int64_t ValueOf(size_t index) {
  return std::llround(2 * std::pow(kBase, static_cast<double>(index)) / (1 + kBase) * kNsPerUs);
}

void AddSaturating(uint32_t* count, uint32_t more) {
  *count = more > UINT32_MAX - *count ? UINT32_MAX : *count + more;
}

}  // namespace

// Grows by exactly what is missing: sketches are many, growth is rare.
uint32_t& LatencySketch::Bucket(size_t index) {
  if (buckets_.empty()) first_ = index;
  if (index < first_) {
    const size_t missing = first_ - index;
    buckets_.reserve(buckets_.size() + missing);
    buckets_.insert(buckets_.begin(), missing, 0);
    first_ = index;
  }
  if (index - first_ >= buckets_.size()) {
    buckets_.reserve(index - first_ + 1);
    buckets_.resize(index - first_ + 1);
  }
  return buckets_[index - first_];
}

void LatencySketch::Add(int64_t duration_ns) {
  AddSaturating(&Bucket(IndexOf(duration_ns)), 1);
  ++count_;
}

void LatencySketch::Merge(const LatencySketch& other) {
  for (size_t i = 0; i < other.buckets_.size(); ++i) {
    if (other.buckets_[i] != 0) AddSaturating(&Bucket(other.first_ + i), other.buckets_[i]);
  }
  count_ += other.count_;
}

int64_t LatencySketch::Quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<uint64_t>(q * static_cast<double>(count_ - 1));
  uint64_t below = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    below += buckets_[i];
    if (below > rank) return ValueOf(first_ + i);
  }
  return ValueOf(first_ + buckets_.size() - 1);
}

}  // namespace tidemark
