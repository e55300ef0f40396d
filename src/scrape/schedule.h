// When to pull a target next. Pure, so that jitter and backoff can be reasoned about and tested.
#pragma once

#include <cstdint>

namespace tidemark {

// Failing targets are pulled less often, down to this (or their own interval, when that is longer).
inline constexpr int64_t kMaxBackoffNs = 300'000'000'000;

// The interval after `failures` failures in a row: the first changes nothing, each further one
// doubles it.
int64_t BackedOffIntervalNs(int64_t interval_ns, uint64_t failures);

// The first time after `now_ns` at which the target is due. Targets are spread over the interval by
// `hash`: due times are hash mod interval_ns beyond a multiple of it, so a restart does not bunch
// them. With failures the due time is the first such time that is a backed-off interval away.
// interval_ns > 0.
int64_t NextPullNs(uint64_t hash, int64_t interval_ns, uint64_t failures, int64_t now_ns);

}  // namespace tidemark
