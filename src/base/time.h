// Time as the project keeps it: signed nanoseconds since the Unix epoch (`*_ns`). Event time comes
// with the data; only the programs read the wall clock.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark {

inline constexpr int64_t kNsPerSecond = 1'000'000'000;
inline constexpr int64_t kNsPerMinute = 60 * kNsPerSecond;
inline constexpr int64_t kNsPerHour = 60 * kNsPerMinute;

// The wall clock now, ns since the epoch.
int64_t WallClockNs();

// A clock that never goes back, ns since an arbitrary point; for timeouts.
int64_t SteadyClockNs();

// 2026-01-02T03:04:05.678Z (UTC, milliseconds).
std::string FormatRfc3339(int64_t time_ns);

// Reads RFC 3339 with any offset, or a plain number of seconds since the epoch ("1767225600",
// "1767225600.5").
Result<int64_t> ParseTime(std::string_view text);

// "1h", "90s", "250ms", "1h30m", as Prometheus writes durations (units y w d h m s ms). Returns ns.
Result<int64_t> ParseDuration(std::string_view text);

}  // namespace tidemark
