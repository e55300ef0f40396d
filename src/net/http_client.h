// One HTTP/1.1 request at a time, blocking, with a deadline and a size limit; large bodies piece by
// piece. For pulls and pushes, not for load.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// The value of the header named `name` (any case), or "".
std::string HeaderOr(const HttpHeaders& headers, const std::string& name);

struct HttpCall {
  std::string method = "GET";
  std::string url;  // http://host[:port]/path[?query]; https is refused with an error that says so
  HttpHeaders headers;
  std::string body;
  int64_t timeout_ns = 10'000'000'000;   // for the whole call, connecting included
  size_t max_response_bytes = 64 << 20;  // body as sent and as inflated
  // When set, takes the body of a reply of status 200 as it arrives, as it was sent (no gzip is
  // asked for); the reply's own body stays empty. An error ends the call and is what it returns.
  std::function<Result<void>(std::string_view piece)> write_body;
  // When set and true the call ends soon (50 ms) with unavailable; must outlive the call.
  const std::atomic<bool>* cancelled = nullptr;
};

struct HttpReply {
  int status = 0;
  HttpHeaders headers;
  std::string body;  // inflated when the peer sent Content-Encoding: gzip
};

// Any status is a reply, not an error. Errors: invalid argument (the URL), unavailable (refused,
// timed out, cut off, retryable), resource exhausted (larger than max_response_bytes). Each names
// the URL.
Result<HttpReply> Fetch(const HttpCall& call);

}  // namespace tidemark
