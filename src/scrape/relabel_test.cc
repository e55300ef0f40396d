// The table's results are those that Prometheus documents and tests for the same rules.
#include "scrape/relabel.h"

#include <gtest/gtest.h>

#include <optional>

namespace tidemark {
namespace {

struct Case {
  std::string name;
  Attributes before;
  std::vector<RelabelSpec> rules;
  std::optional<Attributes> after;  // none = dropped
};

using A = RelabelAction;

const std::vector<Case>& Cases() {
  static const std::vector<Case> cases = {
      {"replace with a group",
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}},
       {{.source_labels = {"a"},
         .regex = "f(.*)",
         .target_label = "d",
         .replacement = "ch${1}-ch${1}"}},
       {{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "choo-choo"}}}},
      {"sources are joined, rules follow each other",
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}},
       {{.source_labels = {"a", "b"},
         .regex = "f(.*);(.*)r",
         .target_label = "a",
         .replacement = "b${1}${2}m"},
        {.source_labels = {"c", "a"},
         .regex = "(b).*b(.*)ba(.*)",
         .target_label = "d",
         .replacement = "$1$2$2$3"}},
       {{{"a", "boobam"}, {"b", "bar"}, {"c", "baz"}, {"d", "boooom"}}}},
      {"drop on match",
       {{"a", "foo"}},
       {{.action = A::kDrop, .source_labels = {"a"}, .regex = ".*o.*"}},
       std::nullopt},
      {"drop needs a match at both ends",
       {{"a", "foo"}},
       {{.action = A::kDrop, .source_labels = {"a"}, .regex = "f|o"}},
       {{{"a", "foo"}}}},
      {"keep without match",
       {{"a", "foo"}},
       {{.action = A::kKeep, .source_labels = {"a"}, .regex = "no-match"}},
       std::nullopt},
      {"keep on match",
       {{"a", "foo"}},
       {{.action = A::kKeep, .source_labels = {"a"}, .regex = "f.*"}},
       {{{"a", "foo"}}}},
      {"no match changes nothing",
       {{"a", "boo"}},
       {{.source_labels = {"a"}, .regex = "f", .target_label = "b", .replacement = "bar"}},
       {{{"a", "boo"}}}},
      {"blank replacement deletes",
       {{"a", "foo"}, {"f", "baz"}},
       {{.source_labels = {"a"}, .regex = "(f).*", .target_label = "$1", .replacement = ""}},
       {{{"a", "foo"}}}},
      {"target from a group",
       {{"a", "some-name-value"}},
       {{.source_labels = {"a"},
         .regex = "some-([^-]+)-([^,]+)",
         .target_label = "${1}",
         .replacement = "${2}"}},
       {{{"a", "some-name-value"}, {"name", "value"}}}},
      {"target from a group that is no name",
       {{"a", "some-2name-value"}},
       {{.source_labels = {"a"},
         .regex = "some-([^-]+)-([^,]+)",
         .target_label = "${1}",
         .replacement = "${2}"}},
       {{{"a", "some-2name-value"}}}},
      {"longest name, so $1x is no group",
       {{"a", "foo"}},
       {{.source_labels = {"a"}, .target_label = "b", .replacement = "$1x-${1}x$$"}},
       {{{"a", "foo"}, {"b", "-foox$"}}}},
      {"named group",
       {{"a", "foo"}},
       {{.source_labels = {"a"},
         .regex = "(?P<first>.).*",
         .target_label = "b",
         .replacement = "$first"}},
       {{{"a", "foo"}, {"b", "f"}}}},
      {"hashmod",
       {{"a", "foo"}, {"b", "bar"}, {"c", "baz"}},
       {{.action = A::kHashMod, .source_labels = {"c"}, .modulus = 1000, .target_label = "d"}},
       {{{"a", "foo"}, {"b", "bar"}, {"c", "baz"}, {"d", "976"}}}},
      {"hashmod of a line break",
       {{"a", "foo\nbar"}},
       {{.action = A::kHashMod, .source_labels = {"a"}, .modulus = 1000, .target_label = "b"}},
       {{{"a", "foo\nbar"}, {"b", "734"}}}},
      {"the dot matches line breaks",
       {{"a", "foo\nbar"}},
       {{.action = A::kDrop, .source_labels = {"a"}, .regex = "f.*r"}},
       std::nullopt},
      {"labelmap",
       {{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}},
       {{.action = A::kLabelMap, .regex = "(b.*)", .replacement = "bar_$1"}},
       {{{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}, {"bar_b1", "bar"}, {"bar_b2", "baz"}}}},
      {"labelmap of meta labels",
       {{"__meta_my_bar", "aaa"}, {"__meta_other", "bbb"}, {"a", "foo"}},
       {{.action = A::kLabelMap, .regex = "__meta_(my.*)", .replacement = "$1"}},
       {{{"__meta_my_bar", "aaa"}, {"__meta_other", "bbb"}, {"a", "foo"}, {"my_bar", "aaa"}}}},
      {"labeldrop",
       {{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}},
       {{.action = A::kLabelDrop, .regex = "(b.*)"}},
       {{{"a", "foo"}}}},
      {"labelkeep",
       {{"a", "foo"}, {"b1", "bar"}, {"b2", "baz"}},
       {{.action = A::kLabelKeep, .regex = "(b.*)"}},
       {{{"b1", "bar"}, {"b2", "baz"}}}},
      {"case",
       {{"foo", "bAr123Foo"}},
       {{.action = A::kUppercase, .source_labels = {"foo"}, .target_label = "up"},
        {.action = A::kLowercase, .source_labels = {"foo"}, .target_label = "low"}},
       {{{"foo", "bAr123Foo"}, {"low", "bar123foo"}, {"up", "BAR123FOO"}}}},
      {"keepequal of equals",
       {{"port", "1234"}, {"want", "1234"}},
       {{.action = A::kKeepEqual, .source_labels = {"port"}, .target_label = "want"}},
       {{{"port", "1234"}, {"want", "1234"}}}},
      {"keepequal of others",
       {{"port", "1234"}, {"want", "5678"}},
       {{.action = A::kKeepEqual, .source_labels = {"port"}, .target_label = "want"}},
       std::nullopt},
      {"dropequal of equals",
       {{"port", "1234"}, {"want", "1234"}},
       {{.action = A::kDropEqual, .source_labels = {"port"}, .target_label = "want"}},
       std::nullopt},
      {"missing labels read as empty",
       {{"a", "x"}},
       {{.source_labels = {"none", "a"}, .regex = ";x", .target_label = "b", .replacement = "yes"}},
       {{{"a", "x"}, {"b", "yes"}}}},
  };
  return cases;
}

TEST(RelabelTest, RulesGiveTheKnownResults) {
  for (const Case& c : Cases()) {
    std::vector<RelabelRule> rules;
    for (const RelabelSpec& spec : c.rules) {
      auto rule = RelabelRule::Create(spec);
      ASSERT_TRUE(rule) << c.name << ": " << rule.error().message;
      rules.push_back(*rule);
    }
    Attributes labels = c.before;
    bool kept = Relabel(rules, &labels);
    EXPECT_EQ(kept, c.after.has_value()) << c.name;
    if (kept && c.after) {
      EXPECT_EQ(labels, *c.after) << c.name;
    }
  }
}

TEST(RelabelTest, RulesThatCannotWorkAreRefused) {
  const std::pair<RelabelSpec, std::string> cases[] = {
      {{.regex = "(", .target_label = "a"}, "regex '('"},
      {{.regex = "a)|(b", .target_label = "a"}, "regex"},
      {{.action = A::kHashMod, .target_label = "a"}, "modulus"},
      {{.action = A::kReplace}, "target_label"},
      {{.action = A::kLowercase, .target_label = "$1"}, "'$1'"},
      {{.action = A::kReplace, .target_label = "0a"}, "'0a'"},
  };
  for (const auto& [spec, word] : cases) {
    auto rule = RelabelRule::Create(spec);
    ASSERT_FALSE(rule) << word;
    EXPECT_NE(rule.error().message.find(word), std::string::npos) << rule.error().message;
  }
  EXPECT_FALSE(ParseRelabelAction("explode"));
  EXPECT_EQ(*ParseRelabelAction("LabelMap"), A::kLabelMap);
}

}  // namespace
}  // namespace tidemark
