// When to try again, as OTLP/HTTP and the exponential backoff of the OpenTelemetry exporters say.
#pragma once

#include <cstdint>
#include <string>

namespace tidemark::sdk {

struct RetryPolicy {
  int64_t first_ns = 1'000'000'000;
  int64_t max_ns = 30'000'000'000;
};

// The pause after the `failures`-th failure in a row (from 1): first * 2^(failures - 1), at most
// max_ns, of which a random half is left out. `random` is anything in [0, 2^32). Example: first 1
// s, third failure: between 2 and 4 s.
int64_t BackoffNs(const RetryPolicy& policy, int failures, uint32_t random);

// What a Retry-After header asks for, ns from `now_unix_ns`: seconds, or an HTTP date (RFC 9110,
// IMF-fixdate). 0 when it is absent, malformed or past.
int64_t RetryAfterNs(const std::string& header, int64_t now_unix_ns);

// Whether the same request may be taken later: 408, 429, 502, 503, 504.
bool IsRetryable(int http_status);

}  // namespace tidemark::sdk
