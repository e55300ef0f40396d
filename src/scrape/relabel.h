// Prometheus relabelling (model/relabel/relabel.go of prometheus/prometheus v3): rules that
// rewrite, keep or drop label sets. Regular expressions are RE2, anchored at both ends, and the dot
// matches line breaks, as there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/target.h"

namespace re2 {
class RE2;
}

namespace tidemark {

enum class RelabelAction : uint8_t {
  kReplace,    // target_label = replacement, when the regex matches; both may use $1, ${name}
  kKeep,       // drop the set unless the regex matches
  kDrop,       // drop the set when it does
  kKeepEqual,  // drop the set unless the value equals target_label's
  kDropEqual,  // drop the set when it does
  kHashMod,    // target_label = (last 8 bytes of MD5(value), big-endian) mod modulus
  kLabelMap,   // copy labels whose name matches to the name `replacement`
  kLabelDrop,  // remove labels whose name matches
  kLabelKeep,  // remove the others
  kLowercase,  // target_label = value in lower case (ASCII letters only)
  kUppercase,
};

// A rule as written. The value it looks at: source_labels' values, joined by `separator`.
struct RelabelSpec {
  RelabelAction action = RelabelAction::kReplace;
  std::vector<std::string> source_labels;
  std::string separator = ";";
  std::string regex = "(.*)";
  uint64_t modulus = 0;
  std::string target_label;
  std::string replacement = "$1";
};

// "replace", "keep", ... in any case. Errors: invalid argument naming the word.
Result<RelabelAction> ParseRelabelAction(const std::string& text);

// A checked rule. Copies share the compiled expression; any thread may apply.
class RelabelRule {
 public:
  // Errors: invalid argument, for an expression that does not compile, a missing modulus or
  // target_label, a target_label that is no label name.
  static Result<RelabelRule> Create(RelabelSpec spec);

  // False when `labels` is to be dropped.
  bool Apply(Attributes* labels) const;

 private:
  RelabelRule(RelabelSpec spec, std::shared_ptr<const re2::RE2> regex);
  std::string JoinedSource(const Attributes& labels) const;
  void Replace(const std::string& value, Attributes* labels) const;
  void MapLabels(Attributes* labels) const;
  void FilterLabels(bool remove_matching, Attributes* labels) const;

  RelabelSpec spec_;
  std::shared_ptr<const re2::RE2> regex_;
};

// Applies rules in order; false as soon as one drops the set.
bool Relabel(const std::vector<RelabelRule>& rules, Attributes* labels);

}  // namespace tidemark
