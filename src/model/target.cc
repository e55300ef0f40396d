#include "model/target.h"

#include <algorithm>

#include "base/hash.h"

namespace tidemark {
namespace {

void AppendEscaped(const std::string& text, std::string* out) {
  for (const char c : text) {
    if (c == '\\' || c == ',' || c == '=') out->push_back('\\');
    out->push_back(c);
  }
}

}  // namespace

const std::string& AttributeOr(const Attributes& attributes, const std::string& key) {
  static const std::string kNone;
  for (const auto& [name, value] : attributes) {
    if (name == key) return value;
  }
  return kNone;
}

void Normalize(Attributes* attributes) {
  std::stable_sort(attributes->begin(), attributes->end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  // unique() keeps the first of equal keys; walking backwards keeps the last one sent.
  const auto kept = std::unique(attributes->rbegin(), attributes->rend(),
                                [](const auto& a, const auto& b) { return a.first == b.first; });
  attributes->erase(attributes->begin(), kept.base());
}

std::string CanonicalText(const Attributes& attributes) {
  std::string out;
  for (const auto& [key, value] : attributes) {
    if (!out.empty()) out.push_back(',');
    AppendEscaped(key, &out);
    out.push_back('=');
    AppendEscaped(value, &out);
  }
  return out;
}

TargetId IdOf(const Target& target) {
  uint64_t id = Hash64(target.service);
  for (const std::string* part : {&target.service_namespace, &target.version, &target.instance}) {
    id = HashCombine(id, Hash64(*part));
  }
  return TargetId{id};
}

}  // namespace tidemark
