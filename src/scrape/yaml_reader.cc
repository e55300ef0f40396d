#include "scrape/yaml_reader.h"

#include <charconv>

#include "base/time.h"

namespace tidemark {
namespace {

constexpr std::pair<std::string_view, uint64_t> kByteUnits[] = {
    // As Prometheus reads them (alecthomas/units): KB and KiB are both 1024 bytes.
    {"B", 1},
    {"KB", 1ULL << 10},
    {"KiB", 1ULL << 10},
    {"MB", 1ULL << 20},
    {"MiB", 1ULL << 20},
    {"GB", 1ULL << 30},
    {"GiB", 1ULL << 30},
    {"", 1},
};

bool ParseUnsigned(std::string_view text, uint64_t* value, std::string_view* rest) {
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (ec != std::errc()) return false;
  *rest = text.substr(static_cast<size_t>(end - text.data()));
  return true;
}

bool ParseBytes(std::string_view text, size_t* bytes) {
  uint64_t number = 0;
  std::string_view unit;
  if (!ParseUnsigned(text, &number, &unit)) return false;
  for (const auto& [name, size] : kByteUnits) {
    if (unit == name) return !__builtin_mul_overflow(number, size, bytes);
  }
  return false;
}

}  // namespace

void YamlProblems::Report(const YAML::Node& node, const std::string& message) {
  if (error_) return;
  std::string line =
      node.IsDefined() && node.Mark().line >= 0 ? ":" + std::to_string(node.Mark().line + 1) : "";
  error_ = InvalidArgument(file_ + line + ": " + message);
}

Result<YAML::Node> LoadYaml(const std::string& text, const std::string& file, size_t max_bytes) {
  if (text.size() > max_bytes) {
    return TooLarge(file + ": " + std::to_string(text.size()) + " bytes, more than the " +
                    std::to_string(max_bytes) + " allowed");
  }
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& e) {
    return InvalidArgument(file + ":" + std::to_string(e.mark.line + 1) + ": " + e.msg);
  } catch (const std::exception& e) {
    return InvalidArgument(file + ": " + e.what());
  }
}

YamlMap::YamlMap(const YAML::Node& node, std::string place, YamlProblems* problems)
    : place_(std::move(place)), problems_(problems) {
  if (!node.IsDefined() || node.IsNull()) return;
  if (node.IsMap()) {
    node_.reset(node);
  } else {
    problems_->Report(node, place_ + " wants a mapping (key: value)");
  }
}

bool YamlMap::Has(const std::string& key) const {
  if (!node_.IsMap()) return false;
  const YAML::Node child = static_cast<const YAML::Node&>(node_)[key];
  return child.IsDefined() && !child.IsNull();
}

YAML::Node YamlMap::Child(const std::string& key) {
  known_.insert(key);
  return Has(key) ? static_cast<const YAML::Node&>(node_)[key]
                  : YAML::Node(YAML::NodeType::Undefined);
}

void YamlMap::Report(const std::string& key, const std::string& message) {
  problems_->Report(Has(key) ? static_cast<const YAML::Node&>(node_)[key] : node_,
                    PlaceOf(key) + " " + message);
}

bool YamlMap::Scalar(const std::string& key, std::string* text) {
  YAML::Node node = Child(key);
  if (!node.IsDefined()) return false;
  if (!node.IsScalar()) {
    Report(key, "wants a single value");
    return false;
  }
  *text = node.Scalar();
  return true;
}

void YamlMap::String(const std::string& key, std::string* value) { Scalar(key, value); }

void YamlMap::Bool(const std::string& key, bool* value) {
  std::string text;
  if (!Scalar(key, &text)) return;
  if (text == "true") {
    *value = true;
  } else if (text == "false") {
    *value = false;
  } else {
    Report(key, "wants true or false, got '" + text + "'");
  }
}

void YamlMap::Unsigned(const std::string& key, uint64_t* value) {
  std::string text;
  if (!Scalar(key, &text)) return;
  std::string_view rest;
  if (!ParseUnsigned(text, value, &rest) || !rest.empty())
    Report(key, "wants a whole number, got '" + text + "'");
}

void YamlMap::DurationNs(const std::string& key, int64_t* value) {
  std::string text;
  if (!Scalar(key, &text)) return;
  auto duration = ParseDuration(text);
  if (!duration) return Report(key, duration.error().message);
  if (*duration <= 0) return Report(key, "wants a duration above 0, got '" + text + "'");
  *value = *duration;
}

void YamlMap::Bytes(const std::string& key, size_t* value) {
  std::string text;
  if (Scalar(key, &text) && !ParseBytes(text, value)) {
    Report(key, "wants a size such as 10MB, got '" + text + "'");
  }
}

void YamlMap::Strings(const std::string& key, std::vector<std::string>* values) {
  Each(key, [&](const YAML::Node& entry, const std::string& place) {
    if (!entry.IsScalar()) return problems_->Report(entry, place + " wants a single value");
    values->push_back(entry.Scalar());
  });
}

void YamlMap::StringMap(const std::string& key, Attributes* values) {
  YAML::Node node = Child(key);
  if (!node.IsDefined()) return;
  if (!node.IsMap()) return Report(key, "wants a mapping (key: value)");
  for (const auto& entry : node) {
    if (!entry.first.IsScalar() || !(entry.second.IsScalar() || entry.second.IsNull())) {
      return problems_->Report(entry.first, PlaceOf(key) + " wants single values");
    }
    values->emplace_back(entry.first.Scalar(), entry.second.IsNull() ? "" : entry.second.Scalar());
  }
  Normalize(values);
}

void YamlMap::Each(const std::string& key,
                   const std::function<void(const YAML::Node&, const std::string&)>& read) {
  YAML::Node node = Child(key);
  if (!node.IsDefined()) return;
  if (!node.IsSequence()) return Report(key, "wants a list");
  size_t index = 0;
  for (const auto& entry : node) read(entry, PlaceOf(key) + "[" + std::to_string(index++) + "]");
}

void YamlMap::Ignore(const std::vector<std::string>& keys) {
  known_.insert(keys.begin(), keys.end());
}

void YamlMap::RefuseUnsupported(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    if (Has(key)) Report(key, "is not supported yet; remove it");
    known_.insert(key);
  }
}

void YamlMap::Finish() {
  if (!node_.IsMap()) return;
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) {
      problems_->Report(entry.first, place_ + ": a key must be a single value");
      continue;
    }
    const std::string& key = entry.first.Scalar();
    if (!known_.contains(key)) problems_->Report(entry.first, "unknown key " + PlaceOf(key));
    if (!seen.insert(key).second) problems_->Report(entry.first, PlaceOf(key) + " is given twice");
  }
}

}  // namespace tidemark
