#include "net/url.h"

#include <charconv>

namespace tidemark {
namespace {

constexpr std::string_view kScheme = "http://";

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// Only visible ASCII may stand in a request line or a Host header.
bool IsVisibleAscii(std::string_view text) {
  for (char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

bool ParsePort(std::string_view text, uint16_t* port) {
  unsigned value = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value == 0 || value > 65535)
    return false;
  *port = static_cast<uint16_t>(value);
  return true;
}

// Splits "host", "host:port", "[v6]" and "[v6]:port".
bool SplitAuthority(std::string_view authority, Url* url) {
  std::string_view port;
  if (!authority.empty() && authority.front() == '[') {
    size_t close = authority.find(']');
    if (close == std::string_view::npos) return false;
    url->host = authority.substr(1, close - 1);
    std::string_view rest = authority.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return false;
    if (!rest.empty()) port = rest.substr(1);
    if (!rest.empty() && port.empty()) return false;
  } else {
    size_t colon = authority.find(':');
    url->host = authority.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = authority.substr(colon + 1);
      if (port.empty()) return false;
    }
  }
  if (url->host.empty()) return false;
  return port.empty() || ParsePort(port, &url->port);
}

}  // namespace

Result<Url> ParseUrl(const std::string& text) {
  auto refuse = [&](const std::string& why) {
    return InvalidArgument("URL '" + text + "': " + why);
  };
  std::string_view rest = text;
  if (rest.substr(0, 8) == "https://") return refuse("https is not supported yet, use http");
  if (rest.substr(0, kScheme.size()) != kScheme) return refuse("does not begin with http://");
  if (!IsVisibleAscii(rest))
    return refuse("holds a space, a control or a non-ASCII character; percent-encode it");
  rest.remove_prefix(kScheme.size());
  rest = rest.substr(0, rest.find('#'));
  Url url;
  size_t end = rest.find_first_of("/?");
  std::string_view authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos) return refuse("user info is not supported");
  if (!SplitAuthority(authority, &url))
    return refuse("wants host or host:port, got '" + std::string(authority) + "'");
  url.authority = authority;
  if (end == std::string_view::npos) {
    url.target = "/";
  } else {
    url.target = (rest[end] == '?' ? "/" : "") + std::string(rest.substr(end));
  }
  return url;
}

bool PercentDecode(std::string_view text, bool plus_is_space, std::string* decoded) {
  decoded->clear();
  decoded->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return false;
      int high = HexDigit(text[i + 1]), low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && plus_is_space) {
      c = ' ';
    }
    if (c == '\0') return false;
    decoded->push_back(c);
  }
  return true;
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  encoded.reserve(text.size());
  for (char c : text) {
    if (IsUnreserved(c)) {
      encoded.push_back(c);
    } else {
      auto byte = static_cast<unsigned char>(c);
      encoded.push_back('%');
      encoded.push_back(kHex[byte >> 4]);
      encoded.push_back(kHex[byte & 15]);
    }
  }
  return encoded;
}

std::string EncodeQuery(const QueryParameters& parameters) {
  std::string query;
  for (const auto& [name, value] : parameters) {
    if (!query.empty()) query.push_back('&');
    query += PercentEncode(name) + "=" + PercentEncode(value);
  }
  return query;
}

Result<RequestTarget> ParseRequestTarget(std::string_view target) {
  auto refuse = [&](const std::string& why) {
    return InvalidArgument("request target '" + std::string(target.substr(0, 200)) + "': " + why);
  };
  RequestTarget parsed;
  if (target == "*") {
    parsed.path = "*";
    return parsed;
  }
  std::string_view rest = target;
  if (rest.substr(0, kScheme.size()) == kScheme) {
    rest.remove_prefix(kScheme.size());
    size_t slash = rest.find('/');
    rest = slash == std::string_view::npos ? "/" : rest.substr(slash);
  }
  if (rest.empty() || rest.front() != '/') return refuse("does not begin with '/'");
  rest = rest.substr(0, rest.find('#'));
  size_t mark = rest.find('?');
  if (!PercentDecode(rest.substr(0, mark), false, &parsed.path))
    return refuse("bad percent encoding in the path");
  if (mark == std::string_view::npos) return parsed;
  rest.remove_prefix(mark + 1);
  while (!rest.empty()) {
    std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(pair.size() + (pair.size() < rest.size() ? 1 : 0));
    if (pair.empty()) continue;
    if (parsed.query.size() >= kMaxQueryParameters) return refuse("more than 256 query parameters");
    size_t equals = pair.find('=');
    std::string name, value;
    std::string_view raw_value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    if (!PercentDecode(pair.substr(0, equals), true, &name) ||
        !PercentDecode(raw_value, true, &value)) {
      return refuse("bad percent encoding in the query");
    }
    parsed.query.emplace_back(std::move(name), std::move(value));
  }
  return parsed;
}

}  // namespace tidemark
