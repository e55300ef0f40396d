#include "scrape/relabel.h"

#include <openssl/evp.h>
#include <re2/re2.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "scrape/labels.h"

namespace tidemark {
namespace {

constexpr std::pair<const char*, RelabelAction> kActions[] = {
    {"replace", RelabelAction::kReplace},     {"keep", RelabelAction::kKeep},
    {"drop", RelabelAction::kDrop},           {"keepequal", RelabelAction::kKeepEqual},
    {"dropequal", RelabelAction::kDropEqual}, {"hashmod", RelabelAction::kHashMod},
    {"labelmap", RelabelAction::kLabelMap},   {"labeldrop", RelabelAction::kLabelDrop},
    {"labelkeep", RelabelAction::kLabelKeep}, {"lowercase", RelabelAction::kLowercase},
    {"uppercase", RelabelAction::kUppercase},
};
constexpr size_t kMaxRegexBytes = 64 << 10;
constexpr int kMaxGroups = 64;

std::string WithCase(std::string text, bool upper) {
  for (char& c : text) {
    if (upper && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    if (!upper && c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The groups of one match of `regex` with the whole of a text.
class Match {
 public:
  Match(const re2::RE2& regex, const std::string& text)
      : regex_(regex), groups_(static_cast<size_t>(regex.NumberOfCapturingGroups()) + 1) {
    matched_ = regex.Match(text, 0, text.size(), re2::RE2::ANCHOR_BOTH, groups_.data(),
                           static_cast<int>(groups_.size()));
  }
  explicit operator bool() const { return matched_; }

  // Go's regexp.Expand: $name and ${name}, the longest possible name; $$ is a dollar; unknown names
  // are empty.
  std::string Expand(std::string_view pattern) const {
    std::string out;
    while (!pattern.empty()) {
      size_t dollar = pattern.find('$');
      out += pattern.substr(0, dollar);
      if (dollar == std::string_view::npos) break;
      pattern.remove_prefix(dollar + 1);
      if (!pattern.empty() && pattern.front() == '$') {
        out.push_back('$');
        pattern.remove_prefix(1);
        continue;
      }
      bool braced = !pattern.empty() && pattern.front() == '{';
      std::string_view rest = pattern.substr(braced ? 1 : 0);
      size_t length = 0;
      while (length < rest.size() && IsWordCharacter(rest[length])) ++length;
      bool well_formed = length > 0 && (!braced || (length < rest.size() && rest[length] == '}'));
      if (!well_formed) {
        out.push_back('$');
        continue;
      }
      out += Group(rest.substr(0, length));
      pattern = rest.substr(length + (braced ? 1 : 0));
    }
    return out;
  }

 private:
  std::string Group(std::string_view name) const {
    size_t index = groups_.size();
    if (name[0] >= '0' && name[0] <= '9') {
      auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), index);
      if (ec != std::errc() || end != name.data() + name.size()) return "";
    } else {
      const auto& names = regex_.NamedCapturingGroups();
      auto found = names.find(std::string(name));
      if (found != names.end()) index = static_cast<size_t>(found->second);
    }
    return index < groups_.size() ? groups_[index].as_string() : "";
  }

  const re2::RE2& regex_;
  std::vector<re2::StringPiece> groups_;
  bool matched_ = false;
};

uint64_t HashMod(const std::string& value, uint64_t modulus) {
  unsigned char digest[EVP_MAX_MD_SIZE] = {};
  unsigned int size = 0;
  EVP_Digest(value.data(), value.size(), digest, &size, EVP_md5(), nullptr);
  uint64_t last = 0;
  for (unsigned int i = 8; i < 16; ++i) last = last << 8 | digest[i];
  return last % modulus;
}

bool NeedsTarget(RelabelAction action) {
  switch (action) {
    case RelabelAction::kReplace:
    case RelabelAction::kHashMod:
    case RelabelAction::kLowercase:
    case RelabelAction::kUppercase:
    case RelabelAction::kKeepEqual:
    case RelabelAction::kDropEqual:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<RelabelAction> ParseRelabelAction(const std::string& text) {
  std::string word = WithCase(text, false);
  for (const auto& [name, action] : kActions) {
    if (word == name) return action;
  }
  return InvalidArgument("unknown relabel action '" + text + "'");
}

RelabelRule::RelabelRule(RelabelSpec spec, std::shared_ptr<const re2::RE2> regex)
    : spec_(std::move(spec)), regex_(std::move(regex)) {}

Result<RelabelRule> RelabelRule::Create(RelabelSpec spec) {
  if (spec.regex.size() > kMaxRegexBytes) return InvalidArgument("regex is longer than 64 KiB");
  re2::RE2::Options options(re2::RE2::Quiet);
  // Alone first: "a)|(b" would be sound between our brackets only.
  if (re2::RE2 alone(spec.regex, options); !alone.ok()) {
    return InvalidArgument("regex '" + spec.regex + "': " + alone.error());
  }
  auto regex = std::make_shared<const re2::RE2>("(?s:" + spec.regex + ")", options);
  if (!regex->ok()) return InvalidArgument("regex '" + spec.regex + "': " + regex->error());
  if (regex->NumberOfCapturingGroups() > kMaxGroups) {
    return InvalidArgument("regex '" + spec.regex + "' has more than 64 groups");
  }
  if (spec.action == RelabelAction::kHashMod && spec.modulus == 0) {
    return InvalidArgument("action hashmod needs a modulus above 0");
  }
  if (NeedsTarget(spec.action)) {
    bool pattern =
        spec.action == RelabelAction::kReplace && spec.target_label.find('$') != std::string::npos;
    if (spec.target_label.empty()) return InvalidArgument("this action needs a target_label");
    if (!pattern && !IsLabelName(spec.target_label)) {
      return InvalidArgument("target_label '" + spec.target_label + "' is not a label name");
    }
  }
  return RelabelRule(std::move(spec), std::move(regex));
}

std::string RelabelRule::JoinedSource(const Attributes& labels) const {
  std::string value;
  for (size_t i = 0; i < spec_.source_labels.size(); ++i) {
    if (i > 0) value += spec_.separator;
    value += LabelOr(labels, spec_.source_labels[i]);
  }
  return value;
}

void RelabelRule::Replace(const std::string& value, Attributes* labels) const {
  Match match(*regex_, value);
  if (!match) return;
  std::string target = match.Expand(spec_.target_label);
  if (IsLabelName(target)) SetLabel(labels, target, match.Expand(spec_.replacement));
}

void RelabelRule::MapLabels(Attributes* labels) const {
  const Attributes before = *labels;
  for (const auto& [name, value] : before) {
    Match match(*regex_, name);
    if (!match) continue;
    std::string target = match.Expand(spec_.replacement);
    if (IsLabelName(target)) SetLabel(labels, target, value);
  }
}

void RelabelRule::FilterLabels(bool remove_matching, Attributes* labels) const {
  std::erase_if(*labels, [&](const auto& label) {
    return re2::RE2::FullMatch(label.first, *regex_) == remove_matching;
  });
}

bool RelabelRule::Apply(Attributes* labels) const {
  const std::string value = JoinedSource(*labels);
  switch (spec_.action) {
    case RelabelAction::kReplace:
      Replace(value, labels);
      return true;
    case RelabelAction::kKeep:
      return re2::RE2::FullMatch(value, *regex_);
    case RelabelAction::kDrop:
      return !re2::RE2::FullMatch(value, *regex_);
    case RelabelAction::kKeepEqual:
      return LabelOr(*labels, spec_.target_label) == value;
    case RelabelAction::kDropEqual:
      return LabelOr(*labels, spec_.target_label) != value;
    case RelabelAction::kHashMod:
      SetLabel(labels, spec_.target_label, std::to_string(HashMod(value, spec_.modulus)));
      return true;
    case RelabelAction::kLabelMap:
      MapLabels(labels);
      return true;
    case RelabelAction::kLabelDrop:
      FilterLabels(true, labels);
      return true;
    case RelabelAction::kLabelKeep:
      FilterLabels(false, labels);
      return true;
    case RelabelAction::kLowercase:
      SetLabel(labels, spec_.target_label, WithCase(value, false));
      return true;
    case RelabelAction::kUppercase:
      SetLabel(labels, spec_.target_label, WithCase(value, true));
      return true;
  }
  return true;
}

bool Relabel(const std::vector<RelabelRule>& rules, Attributes* labels) {
  return std::all_of(rules.begin(), rules.end(),
                     [&](const RelabelRule& rule) { return rule.Apply(labels); });
}

}  // namespace tidemark
