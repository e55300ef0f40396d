#include "telemetry/retry.h"

#include <time.h>

#include <algorithm>
#include <charconv>

#include "base/time.h"

namespace tidemark::sdk {

int64_t BackoffNs(const RetryPolicy& policy, int failures, uint32_t random) {
  int64_t pause = std::max<int64_t>(policy.first_ns, 1);
  for (int i = 1; i < failures && pause < policy.max_ns; ++i) pause *= 2;
  pause = std::min(pause, std::max<int64_t>(policy.max_ns, 1));
  const double jitter = static_cast<double>(random) / 4294967296.0 / 2;
  return pause - static_cast<int64_t>(static_cast<double>(pause) * jitter);
}

int64_t RetryAfterNs(const std::string& header, int64_t now_unix_ns) {
  constexpr int64_t kMostSeconds = INT64_MAX / kNsPerSecond;
  int64_t seconds = 0;
  const char* const end = header.data() + header.size();
  const auto [at, error] = std::from_chars(header.data(), end, seconds);
  if (error == std::errc() && at == end) {
    return std::clamp<int64_t>(seconds, 0, kMostSeconds) * kNsPerSecond;
  }
  tm date{};
  const char* rest = strptime(header.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (rest == nullptr || *rest != '\0') return 0;
  seconds = std::clamp<int64_t>(timegm(&date), 0, kMostSeconds);
  return std::max<int64_t>(seconds * kNsPerSecond - now_unix_ns, 0);
}

bool IsRetryable(int http_status) {
  return http_status == 408 || http_status == 429 || http_status == 502 || http_status == 503 ||
         http_status == 504;
}

}  // namespace tidemark::sdk
