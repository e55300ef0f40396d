#include "query/params.h"

#include <algorithm>

#include "base/time.h"

namespace tidemark {
namespace {

std::string Join(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

bool Contains(const std::vector<std::string>& items, const std::string& item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

}  // namespace

Result<void> CheckParams(const HttpRequest& request, const std::vector<std::string>& known) {
  for (const auto& [name, value] : request.query) {
    if (!Contains(known, name)) {
      return InvalidArgument("unknown parameter '" + name + "'; " + request.path +
                             " takes: " + Join(known));
    }
  }
  return {};
}

TargetFilter FilterFrom(const HttpRequest& request) {
  return {QueryOr(request, "service"), QueryOr(request, "namespace"), QueryOr(request, "version"),
          QueryOr(request, "instance")};
}

Result<int64_t> TimeParam(const HttpRequest& request, const std::string& name) {
  const std::string text = QueryOr(request, name);
  if (text.empty()) return int64_t{0};
  auto time = ParseTime(text);
  if (!time) return InvalidArgument("parameter '" + name + "': " + time.error().message);
  return *time;
}

Result<int64_t> DurationParam(const HttpRequest& request, const std::string& name) {
  const std::string text = QueryOr(request, name);
  if (text.empty()) return int64_t{0};
  const bool plain = text.find_first_not_of("0123456789") == std::string::npos;
  auto duration = ParseDuration(plain ? text + "s" : text);
  if (!duration) return InvalidArgument("parameter '" + name + "': " + duration.error().message);
  return *duration;
}

Result<std::string> ChoiceParam(const HttpRequest& request, const std::string& name,
                                const std::vector<std::string>& allowed) {
  const std::string text = QueryOr(request, name);
  if (text.empty()) return allowed.front();
  if (!Contains(allowed, text)) {
    return InvalidArgument("parameter '" + name + "': '" + text + "' is none of " + Join(allowed));
  }
  return text;
}

}  // namespace tidemark
