// Who sent something: a target is one running process of a version of a service.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tidemark {

// Key and value pairs, sorted by key, keys unique.
using Attributes = std::vector<std::pair<std::string, std::string>>;

// The value of `key`, or "" when it is absent.
const std::string& AttributeOr(const Attributes& attributes, const std::string& key);

// Sorts by key; of equal keys the last wins.
void Normalize(Attributes* attributes);

// The canonical text of attributes, `a=1,b=2` with `\`, `,` and `=` escaped; equal attributes give
// equal text.
std::string CanonicalText(const Attributes& attributes);

struct Target {
  std::string service;
  std::string service_namespace;
  std::string version;
  std::string instance;

  auto operator<=>(const Target&) const = default;
};

enum class TargetId : uint64_t {};

// Same target, same id, in every process and on every day.
TargetId IdOf(const Target& target);

// A target with everything else its sender said of itself (OTel resource attributes, Prometheus
// target labels).
struct Resource {
  Target target;
  Attributes attributes;
};

}  // namespace tidemark
