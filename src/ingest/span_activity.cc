#include "ingest/span_activity.h"

#include <algorithm>

namespace tidemark {

void SpanActivity::Advance(int64_t now_s) {
  if (now_s <= last_) return;
  const int64_t entering = std::max(last_ + 1, now_s - kSeconds + 1);
  for (int64_t second = entering; second <= now_s; ++second) At(second) = {};
  last_ = now_s;
}

bool SpanActivity::Add(int64_t start_ns, int64_t end_ns, bool is_request) {
  const int64_t end_s = end_ns / kNsPerSecond;
  Advance(end_s);
  if (end_s < first()) return false;
  if (is_request) ++At(end_s).requests;
  for (int64_t second = std::max(start_ns / kNsPerSecond, first()); second <= end_s; ++second) {
    const int64_t from_ns = std::max(start_ns, second * kNsPerSecond);
    const int64_t to_ns = std::min(end_ns, (second + 1) * kNsPerSecond);
    At(second).active_ns += static_cast<double>(to_ns - from_ns);
  }
  return true;
}

std::optional<SpanActivity::Rates> SpanActivity::Over(int64_t from_s, int64_t to_s) const {
  if (last_ == 0 || from_s < first() || to_s > last_ + 1 || from_s >= to_s) return std::nullopt;
  double active_ns = 0;
  uint64_t requests = 0;
  for (int64_t second = from_s; second < to_s; ++second) {
    active_ns += At(second).active_ns;
    requests += At(second).requests;
  }
  const auto seconds = static_cast<double>(to_s - from_s);
  return Rates{static_cast<double>(requests) / seconds, active_ns / (seconds * kNsPerSecond)};
}

}  // namespace tidemark
