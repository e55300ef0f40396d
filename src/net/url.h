// URLs as far as plain HTTP needs them: splitting, percent coding, request targets.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace tidemark {

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

struct Url {
  std::string host;  // without the brackets of an IPv6 address
  uint16_t port = 80;
  std::string authority;  // as written: host[:port], what the Host header says
  std::string target;     // path and query as sent, "/" when the URL has none
};

// Splits http://host[:port][/path][?query][#fragment]; the fragment is dropped. Errors: invalid
// argument naming the URL when it is not http, has user info, no host, a bad port, or characters
// that do not belong in a URL.
Result<Url> ParseUrl(const std::string& text);

// Replaces %XX; false when a % is not followed by two hex digits or the result would hold a zero
// byte.
bool PercentDecode(std::string_view text, bool plus_is_space, std::string* decoded);

// Everything but letters, digits and `-._~` becomes %XX.
std::string PercentEncode(std::string_view text);

// "a=1&b=2" with both parts encoded; "" for none.
std::string EncodeQuery(const QueryParameters& parameters);

struct RequestTarget {
  std::string path;  // decoded
  QueryParameters query;
};

inline constexpr size_t kMaxQueryParameters = 256;

// Reads the target of a request line: origin form ("/a?b=c"), absolute form ("http://host/a") or
// "*". Errors: invalid argument naming the target.
Result<RequestTarget> ParseRequestTarget(std::string_view target);

}  // namespace tidemark
