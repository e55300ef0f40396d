#include "collect/profile_delta.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidemark {
namespace {

using ::testing::ElementsAre;

Profile Make(std::vector<std::pair<uint64_t, int64_t>> bytes_by_address, int64_t time_ns) {
  Profile profile;
  profile.sample_types = {{"inuse_space", "bytes"}};
  profile.functions = {{"f", "f"}};
  profile.mappings = {{0, 100, 0, "/main", ""}};
  profile.time_ns = time_ns;
  for (const auto& [address, bytes] : bytes_by_address) {
    profile.samples.push_back(
        {{static_cast<uint32_t>(profile.locations.size())}, {bytes}, {{"trace_id", "ab"}}});
    profile.locations.push_back({0, address, {{0, 1}}});
  }
  return profile;
}

TEST(ProfileDeltaTest, SamplesAreSubtractedByAddressAndLabels) {
  const Profile delta =
      ProfileDelta(Make({{1, 10}, {2, 20}, {3, 5}}, 100), Make({{2, 15}, {3, 5}, {4, 7}}, 40));
  ASSERT_TRUE(Validate(delta));
  EXPECT_EQ(delta.duration_ns, 60);
  std::vector<std::pair<uint64_t, int64_t>> got;
  for (const Sample& sample : delta.samples) {
    got.emplace_back(delta.locations[sample.locations[0]].address, sample.values[0]);
  }
  EXPECT_THAT(got, ElementsAre(std::pair(1u, 10), std::pair(2u, 5), std::pair(4u, -7)));
}

TEST(ProfileDeltaTest, EqualProfilesLeaveNothing) {
  const Profile profile = Make({{1, 10}, {2, 20}}, 1);
  EXPECT_TRUE(ProfileDelta(profile, profile).samples.empty());
}

TEST(ProfileDeltaTest, OtherLabelsAreOtherSamples) {
  Profile now = Make({{1, 10}}, 2), base = Make({{1, 10}}, 1);
  base.samples[0].labels[0].text = "cd";
  const Profile delta = ProfileDelta(now, base);
  ASSERT_EQ(delta.samples.size(), 2u);
  EXPECT_EQ(delta.Total(0), 0);
}

}  // namespace
}  // namespace tidemark
