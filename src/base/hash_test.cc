#include "base/hash.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(HashTest, EqualBytesGiveEqualIdsAndNoIdIsZero) {
  EXPECT_EQ(Hash64("stack"), Hash64("stack"));
  EXPECT_NE(Hash64("stack"), Hash64("stacl"));
  EXPECT_NE(Hash64(""), 0u);
}

TEST(HashTest, CombiningDependsOnOrder) {
  EXPECT_NE(HashCombine(HashCombine(0, 1), 2), HashCombine(HashCombine(0, 2), 1));
}

}  // namespace
}  // namespace tidemark
