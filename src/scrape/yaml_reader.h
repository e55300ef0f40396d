// Reads YAML mappings strictly: every key must be known, every value of its type, and the error
// names file, line and key. The only header here that knows yaml-cpp.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/target.h"

namespace tidemark {

// The first thing wrong in a document; later ones are ignored.
class YamlProblems {
 public:
  explicit YamlProblems(std::string file) : file_(std::move(file)) {}
  void Report(const YAML::Node& node, const std::string& message);
  bool any() const { return error_.has_value(); }
  Error error() const { return *error_; }

 private:
  std::string file_;
  std::optional<Error> error_;
};

// Parses one document of at most `max_bytes`. Errors: invalid argument with file and line, resource
// exhausted.
Result<YAML::Node> LoadYaml(const std::string& text, const std::string& file, size_t max_bytes);

// One mapping. Getters leave their target alone when the key is absent or null.
class YamlMap {
 public:
  // Reports when `node` is something other than a mapping (an absent or null one is empty).
  YamlMap(const YAML::Node& node, std::string place, YamlProblems* problems);

  bool Has(const std::string& key) const;
  YAML::Node Child(const std::string& key);  // marks the key as known
  const std::string& place() const { return place_; }
  std::string PlaceOf(const std::string& key) const {
    return place_.empty() ? key : place_ + "." + key;
  }

  void String(const std::string& key, std::string* value);
  void Bool(const std::string& key, bool* value);
  void Unsigned(const std::string& key, uint64_t* value);
  void DurationNs(const std::string& key, int64_t* value);  // above 0
  void Bytes(const std::string& key, size_t* value);        // 10MB, 1GiB, plain bytes
  void Strings(const std::string& key, std::vector<std::string>* values);
  void StringMap(const std::string& key, Attributes* values);  // sorted
  // Calls `read` with each entry of a list and its place.
  void Each(const std::string& key,
            const std::function<void(const YAML::Node&, const std::string&)>& read);

  void Ignore(const std::vector<std::string>& keys);             // known, without effect here
  void RefuseUnsupported(const std::vector<std::string>& keys);  // known, and we say that we cannot
  void Finish();  // reports keys that nothing above asked for, and keys given twice
  void Report(const std::string& key, const std::string& message);

 private:
  bool Scalar(const std::string& key, std::string* text);

  YAML::Node node_;
  std::string place_;
  YamlProblems* problems_;
  std::set<std::string> known_;
};

}  // namespace tidemark
