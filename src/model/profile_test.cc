#include "model/profile.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

Profile OneSample() {
  Profile profile;
  profile.sample_types = {{"objects", "count"}, {"space", "bytes"}};
  profile.functions = {{.name = "main"}};
  profile.locations = {{.lines = {{.function = 0, .line = 7}}}};
  profile.samples = {{.locations = {0}, .values = {2, 64}}};
  return profile;
}

TEST(ProfileTest, TcmallocTypesStandForInuse) {
  const Profile profile = OneSample();
  EXPECT_EQ(profile.TypeIndex("inuse_space"), 1u);
  EXPECT_EQ(profile.TypeIndex("inuse_objects"), 0u);
  EXPECT_EQ(profile.TypeIndex("alloc_space"), kNoIndex);
  EXPECT_EQ(profile.Total(1), 64);
}

TEST(ProfileTest, EveryIndexOutOfRangeIsNamed) {
  EXPECT_TRUE(Validate(OneSample()));
  Profile location = OneSample();
  location.samples[0].locations = {1};
  Profile values = OneSample();
  values.samples[0].values.pop_back();
  Profile function = OneSample();
  function.locations[0].lines[0].function = 9;
  Profile mapping = OneSample();
  mapping.locations[0].mapping = 0;
  for (const Profile* broken : {&location, &values, &function, &mapping}) {
    const auto result = Validate(*broken);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace tidemark
