#include "diagnose/annotate.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(AnnotateTest, CircumstancesBecomeCommentsAndAtMostTenTraces) {
  Profile profile;
  Resource resource{{"shop", "", "1.0.0", "pod-7"}, {{"k8s.pod.name", "shop-abc"}}};
  Annotations annotations{.trigger = "growth", .role = "worst", .onset_ns = 1767225600'000'000'000};
  for (uint64_t i = 1; i <= 12; ++i) annotations.active_traces.push_back({0, i});
  Annotate(resource, annotations, &profile);
  const std::vector<std::string>& comments = profile.comments;
  EXPECT_NE(std::find(comments.begin(), comments.end(), "tidemark.pod: shop-abc"), comments.end());
  EXPECT_NE(std::find(comments.begin(), comments.end(), "tidemark.onset: 2026-01-01T00:00:00.000Z"),
            comments.end());
  EXPECT_EQ(std::count(comments.back().begin(), comments.back().end(), ','), 9);
  for (const std::string& comment : comments)
    EXPECT_EQ(comment.find("incident"), std::string::npos);
}

}  // namespace
}  // namespace tidemark
