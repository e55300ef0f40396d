#include "server/config.h"

#include <gtest/gtest.h>

#include "base/time.h"

namespace tidemark {
namespace {

TEST(ServerConfigTest, KeysOverrideDefaultsAndScrapeKeysAreLeftToTheScraper) {
  const auto config = ParseServerConfig(
      "listen: 0.0.0.0\ngrpc_port: 14317\nretention: 2d\nmax_disk: 3GiB\nprice_per_gib_month_usd: "
      "4.25\n"
      "scrape_configs:\n- job_name: x\n",
      {});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->listen, "0.0.0.0");
  EXPECT_EQ(config->grpc_port, 14317);
  EXPECT_EQ(config->http_port, 4318);
  EXPECT_EQ(config->retention_ns, 48 * kNsPerHour);
  EXPECT_EQ(config->max_disk_bytes, 3ULL << 30);
  EXPECT_DOUBLE_EQ(config->price_per_gib_month_usd, 4.25);
  EXPECT_NE(config->scrape_text.find("job_name"), std::string::npos);
}

TEST(ServerConfigTest, EveryMistakeNamesLineAndKey) {
  for (const auto& [yaml, part] : std::vector<std::pair<std::string, std::string>>{
           {"listen: a\nlistne: b\n", "line 2: key 'listne'"},
           {"api_port: 70700\n", "70700"},
           {"max_disk: lots\n", "lots"},
           {"retention: [1]\n", "single value"},
           {"- 1\n", "keys and values"},
           {"a: [\n", "line"}}) {
    const auto config = ParseServerConfig(yaml, {});
    ASSERT_FALSE(config) << yaml;
    EXPECT_NE(config.error().message.find(part), std::string::npos) << config.error().message;
  }
}

TEST(ServerConfigTest, SizesAreReadWithTheirUnit) {
  EXPECT_EQ(*ParseSize("64MiB"), 64u << 20);
  EXPECT_EQ(*ParseSize("64M"), 64u << 20);
  EXPECT_EQ(*ParseSize("17"), 17u);
  for (const char* text : {"", "MiB", "-1", "1 MiB", "99999999999999TiB"})
    EXPECT_FALSE(ParseSize(text)) << text;
}

}  // namespace
}  // namespace tidemark
