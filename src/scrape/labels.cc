#include "scrape/labels.h"

#include <algorithm>

namespace tidemark {
namespace {

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

auto Find(const Attributes& labels, std::string_view name) {
  return std::lower_bound(
      labels.begin(), labels.end(), name,
      [](const auto& label, std::string_view key) { return label.first < key; });
}

}  // namespace

void SetLabel(Attributes* labels, std::string_view name, std::string value) {
  if (value.empty()) return RemoveLabel(labels, name);
  auto place = labels->begin() + (Find(*labels, name) - labels->begin());
  if (place != labels->end() && place->first == name) {
    place->second = std::move(value);
  } else {
    labels->emplace(place, std::string(name), std::move(value));
  }
}

void RemoveLabel(Attributes* labels, std::string_view name) {
  auto place = Find(*labels, name);
  if (place != labels->end() && place->first == name) labels->erase(place);
}

std::string_view LabelOr(const Attributes& labels, std::string_view name) {
  auto place = Find(labels, name);
  return place != labels.end() && place->first == name ? std::string_view(place->second)
                                                       : std::string_view();
}

bool IsLabelName(std::string_view name) {
  if (name.empty() || !IsNameStart(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return IsNameStart(c) || IsDigit(c); });
}

bool IsMetricName(std::string_view name) {
  if (name.empty() || IsDigit(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsNameStart(c) || IsDigit(c) || c == ':'; });
}

}  // namespace tidemark
