#include "scrape/discovery.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace tidemark {
namespace {

// A folder of this test's own, removed at its end.
class DiscoveryTest : public testing::Test {
 protected:
  DiscoveryTest() {
    std::string name =
        (std::filesystem::temp_directory_path() / "tidemark-discovery-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~DiscoveryTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }

  ScrapeConfig Config(const std::string& pattern) {
    ScrapeConfig config;
    config.jobs.emplace_back();
    config.jobs[0].name = "files";
    config.jobs[0].file_targets.push_back({{(folder_ / pattern).string()}, 1'000'000'000});
    return config;
  }

  static std::vector<std::string> Addresses(const DiscoveryResult& result) {
    std::vector<std::string> addresses;
    for (const ScrapeTarget& target : result.targets) addresses.push_back(target.address);
    return addresses;
  }

  std::filesystem::path folder_;
};

using Names = std::vector<std::string>;

TEST_F(DiscoveryTest, FindsStaticAndFileTargetsWithTheirLabels) {
  Write("a.yml", "- targets: ['h1:1', 'h2:2']\n  labels: {job: checkout, __metrics_path__: /m}\n");
  Write("b.json", R"([{"targets": ["h3:3"], "labels": {"env": "prod"}}])");
  ScrapeConfig config = Config("*.yml");
  config.jobs[0].file_targets[0].files.push_back((folder_ / "b.json").string());
  config.jobs[0].static_targets.push_back({{"s:9"}, {{"a", "b"}}});
  Discovery discovery(config, 100);
  DiscoveryResult result = discovery.Refresh();
  EXPECT_EQ(result.errors, Names{});
  EXPECT_EQ(Addresses(result), (Names{"s:9", "h1:1", "h2:2", "h3:3"}));
  EXPECT_EQ(result.targets[1].metrics_url, "http://h1:1/m");
  EXPECT_EQ(result.targets[1].resource.target.service, "checkout");
  EXPECT_EQ(AttributeOr(result.targets[3].labels, "env"), "prod");
}

TEST_F(DiscoveryTest, OnlyWellFormedContentReplacesTheOld) {
  Write("a.yml", "- targets: ['h1:1']\n");
  ScrapeConfig config = Config("a.yml");
  Discovery discovery(config, 100);
  EXPECT_EQ(Addresses(discovery.Refresh()), Names{"h1:1"});
  for (const char* broken :
       {"- targets: ['h2", "- target: [h2]\n", "5", "- targets: ['h2:2']\n  labels: {a-b: c}\n"}) {
    Write("a.yml", broken);
    DiscoveryResult result = discovery.Refresh();
    EXPECT_EQ(Addresses(result), Names{"h1:1"}) << broken;
    ASSERT_EQ(result.errors.size(), 1u) << broken;
    EXPECT_NE(result.errors[0].find("a.yml"), std::string::npos);
  }
  Write("a.yml", "- targets: ['h3:3']\n");
  EXPECT_EQ(Addresses(discovery.Refresh()), Names{"h3:3"});
  std::filesystem::remove(folder_ / "a.yml");
  EXPECT_EQ(Addresses(discovery.Refresh()), Names{});
}

TEST_F(DiscoveryTest, TargetsAreUniqueAndBounded) {
  ScrapeConfig config;
  config.jobs.emplace_back();
  config.jobs[0].name = "a";
  config.jobs[0].static_targets.push_back({{"h:1", "h:1", "h:2", "h:3", "bad address"}, {}});
  Discovery roomy(config, 100);
  DiscoveryResult result = roomy.Refresh();
  EXPECT_EQ(Addresses(result), (Names{"h:1", "h:2", "h:3"}));
  EXPECT_EQ(result.errors.size(), 1u);
  EXPECT_EQ(roomy.refresh_interval_ns(), 0);
  Discovery small(config, 2);
  EXPECT_EQ(small.Refresh().over_limit, 2u);
}

TEST(ParseTargetFileTest, RefusesWhatPrometheusRefuses) {
  EXPECT_TRUE(ParseTargetFile("[]", "f.json"));
  EXPECT_TRUE(ParseTargetFile("", "f.yml"));
  for (const char* text :
       {"", "{}", "[5]", "[{\"targets\": [5]}]", "[{\"targets\": \"a\"}]", "[{\"source\": \"x\"}]",
        "[{\"labels\": {\"a\": 1}}]", "[{\"labels\": {\"a b\": \"1\"}}]", "[{}] x"}) {
    EXPECT_FALSE(ParseTargetFile(text, "f.json")) << text;
  }
  EXPECT_FALSE(ParseTargetFile(std::string(9 << 20, ' '), "f.json"));
  EXPECT_FALSE(ParseTargetFile(std::string(9 << 20, ' '), "f.yml"));
  std::string deep(10'000, '[');
  EXPECT_FALSE(ParseTargetFile(deep, "f.json"));
  EXPECT_FALSE(ParseTargetFile(deep, "f.yml"));
}

}  // namespace
}  // namespace tidemark
