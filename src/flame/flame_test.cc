#include "flame/flame.h"

#include <gtest/gtest.h>

#include <random>

namespace tidemark {
namespace {

// Stacks are given leaf first as letters: "ba" is b called by a.
Profile FromStacks(const std::vector<std::pair<std::string, int64_t>>& stacks) {
  Profile profile;
  profile.sample_types = {{"inuse_space", "bytes"}};
  for (char c = 'a'; c <= 'z'; ++c) {
    profile.functions.push_back({.name = std::string(1, c)});
    profile.locations.push_back({.lines = {{static_cast<uint32_t>(c - 'a'), 1}}});
  }
  for (const auto& [stack, value] : stacks) {
    Sample sample{.values = {value}};
    for (const char c : stack) sample.locations.push_back(c - 'a');
    profile.samples.push_back(sample);
  }
  return profile;
}

void ExpectIdentities(const FlameGraph& graph) {
  std::vector<int64_t> sums(graph.nodes.size(), 0);
  int64_t total = 0;
  for (size_t i = graph.nodes.size(); i-- > 0;) {
    const FlameNode& node = graph.nodes[i];
    ASSERT_LT(node.parent, static_cast<int32_t>(i));
    EXPECT_EQ(node.value, node.self + sums[i]);
    (node.parent < 0 ? total : sums[node.parent]) += node.value;
  }
  EXPECT_LE(total, graph.total);
}

TEST(FlameTest, GrowthIsTheDifferenceOfTwoProfilesPathByPath) {
  const Profile base = FromStacks({{"ba", 10}, {"ca", 5}});
  const Profile now = FromStacks({{"ba", 30}, {"da", 7}});
  const auto graph = BuildFlame(now, &base, {});
  ASSERT_TRUE(graph) << graph.error().message;
  EXPECT_EQ(graph->total, 37);
  EXPECT_EQ(graph->base_total, 15);
  EXPECT_EQ(Folded(*graph), "a;b 20\na;d 7\na;c -5\n");
  ExpectIdentities(*graph);
}

TEST(FlameTest, RecursionCountsOnceInTheCumulativeColumn) {
  const auto graph = BuildFlame(FromStacks({{"aba", 8}}), nullptr, {});
  const auto rows = TopFunctions(*graph);
  EXPECT_EQ(rows[0].frame.function, "a");
  EXPECT_EQ(rows[0].flat, 8);
  EXPECT_EQ(rows[0].cumulative, 8);
}

TEST(FlameTest, SumsHoldOnRandomProfilesAlsoWhenNodesRunOut) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<std::pair<std::string, int64_t>> stacks;
  int64_t total = 0;
  for (int i = 0; i < 500; ++i) {
    std::string stack;
    for (unsigned depth = random() % 12; depth > 0; --depth)
      stack += static_cast<char>('a' + random() % 26);
    stacks.push_back({stack, static_cast<int64_t>(random() % 1000)});
    total += stacks.back().second;
  }
  for (const size_t max_nodes : {200'000, 50}) {
    const auto graph = BuildFlame(FromStacks(stacks), nullptr, {.max_nodes = max_nodes});
    EXPECT_EQ(graph->total, total);
    ExpectIdentities(*graph);
    EXPECT_LE(graph->nodes.size(), max_nodes + 1);
  }
}

TEST(FlameTest, AMissingSampleTypeNamesThoseThatAreThere) {
  const auto graph = BuildFlame(FromStacks({}), nullptr, {.type = "alloc_space"});
  ASSERT_FALSE(graph);
  EXPECT_NE(graph.error().message.find("inuse_space"), std::string::npos);
}

}  // namespace
}  // namespace tidemark
