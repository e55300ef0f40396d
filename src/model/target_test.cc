#include "model/target.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(TargetTest, IdTellsFieldsApart) {
  EXPECT_EQ(IdOf({"a", "", "1", "i"}), IdOf({"a", "", "1", "i"}));
  EXPECT_NE(IdOf({"a", "", "1", "i"}), IdOf({"a", "1", "", "i"}));
}

TEST(AttributesTest, LastOfEqualKeysWins) {
  Attributes attributes = {{"b", "1"}, {"a", "2"}, {"b", "3"}};
  Normalize(&attributes);
  EXPECT_EQ(attributes, (Attributes{{"a", "2"}, {"b", "3"}}));
  EXPECT_EQ(AttributeOr(attributes, "b"), "3");
  EXPECT_EQ(AttributeOr(attributes, "c"), "");
}

TEST(AttributesTest, CanonicalTextIsUnambiguous) {
  EXPECT_EQ(CanonicalText({{"a", "1"}, {"b", "2"}}), "a=1,b=2");
  EXPECT_NE(CanonicalText({{"a", "1,b=2"}}), CanonicalText({{"a", "1"}, {"b", "2"}}));
}

}  // namespace
}  // namespace tidemark
