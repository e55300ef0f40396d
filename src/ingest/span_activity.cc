#include "ingest/span_activity.h"

#include <algorithm>

namespace tidemark {

void SpanActivity::Advance(int64_t now_s) {
  if (now_s <= last_) return;
  if (last_ == 0) {
    last_ = now_s;
    return;
  }
  const int64_t steps = std::min(now_s - last_, kSeconds);
  // Each second that leaves hands its balance to what was active before; its slot is the new
  // second's.
  for (int64_t i = 0; i < steps; ++i) {
    Second& leaving = At(first() + i);
    active_before_ += static_cast<int64_t>(leaving.started) - leaving.ended;
    leaving = {};
  }
  last_ = now_s;
}

bool SpanActivity::Add(int64_t start_s, int64_t end_s, bool is_request) {
  Advance(end_s);
  if (end_s < first()) return false;
  if (start_s >= first()) {
    ++At(start_s).started;
  } else {
    ++active_before_;
  }
  ++At(end_s).ended;
  if (is_request) ++At(end_s).requests;
  return true;
}

std::optional<SpanActivity::Rates> SpanActivity::Over(int64_t from_s, int64_t to_s) const {
  if (last_ == 0 || from_s < first() || to_s > last_ + 1 || from_s >= to_s) return std::nullopt;
  int64_t active = active_before_;
  int64_t sum = 0;
  uint64_t requests = 0;
  for (int64_t second = first(); second < to_s; ++second) {
    active += static_cast<int64_t>(At(second).started) - At(second).ended;
    if (second < from_s) continue;
    sum += active;
    requests += At(second).requests;
  }
  const auto seconds = static_cast<double>(to_s - from_s);
  return Rates{static_cast<double>(requests) / seconds, static_cast<double>(sum) / seconds};
}

}  // namespace tidemark
