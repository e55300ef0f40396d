#include "model/stack.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(StackTest, InlinedFramesComeInnermostFirstAndUnknownOnesAsAddress) {
  Profile profile;
  profile.mappings = {{.file = "/bin/service"}};
  profile.functions = {{.name = "inner", .file = "a.cc"}, {.name = "outer", .file = "b.cc"}};
  profile.locations = {{.mapping = 0, .lines = {{0, 3}, {1, 9}}}, {.address = 0x4a3f10}};
  const auto frames = FramesOf(profile, {.locations = {0, 1}});
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_EQ(frames[0], (FrameText{"inner", "a.cc", 3, "/bin/service"}));
  EXPECT_EQ(frames[1], (FrameText{"outer", "b.cc", 9, "/bin/service"}));
  EXPECT_EQ(frames[2].function, "0x4a3f10");
  EXPECT_EQ(PlaceOf(frames[0]), "a.cc:3");
}

TEST(StackTest, IdIgnoresTheModuleAndSeesOrderAndLine) {
  const FrameText a{"a", "f", 1, "x"}, b{"b", "f", 2, "x"};
  EXPECT_EQ(StackIdOf({a, b}), StackIdOf({{"a", "f", 1, "elsewhere"}, b}));
  EXPECT_NE(StackIdOf({a, b}), StackIdOf({b, a}));
  EXPECT_NE(StackIdOf({a}), StackIdOf({{"a", "f", 2, "x"}}));
}

}  // namespace
}  // namespace tidemark
