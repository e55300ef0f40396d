#include "scrape/schedule.h"

#include <algorithm>

namespace tidemark {

int64_t BackedOffIntervalNs(int64_t interval_ns, uint64_t failures) {
  int64_t longest_ns = std::max(interval_ns, kMaxBackoffNs);
  int64_t backed_off_ns = interval_ns;
  for (uint64_t i = 1; i < failures && backed_off_ns < longest_ns; ++i) backed_off_ns *= 2;
  return std::min(backed_off_ns, longest_ns);
}

int64_t NextPullNs(uint64_t hash, int64_t interval_ns, uint64_t failures, int64_t now_ns) {
  int64_t offset_ns = static_cast<int64_t>(hash % static_cast<uint64_t>(interval_ns));
  int64_t after_ns = now_ns + BackedOffIntervalNs(interval_ns, failures) - interval_ns;
  int64_t ticks = (after_ns - offset_ns) / interval_ns;
  if ((after_ns - offset_ns) % interval_ns < 0) --ticks;  // division rounds towards zero
  return offset_ns + (ticks + 1) * interval_ns;
}

}  // namespace tidemark
