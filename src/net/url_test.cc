#include "net/url.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(ParseUrlTest, SplitsHostPortAndTarget) {
  struct Case {
    std::string url, host;
    uint16_t port;
    std::string target;
  };
  const Case cases[] = {
      {"http://a", "a", 80, "/"},
      {"http://a:9090", "a", 9090, "/"},
      {"http://a:9090/m?x=1&y=2", "a", 9090, "/m?x=1&y=2"},
      {"http://a?x=1", "a", 80, "/?x=1"},
      {"http://a/p#part", "a", 80, "/p"},
      {"http://[::1]:8080/m", "::1", 8080, "/m"},
      {"http://[::1]", "::1", 80, "/"},
  };
  for (const Case& c : cases) {
    auto url = ParseUrl(c.url);
    ASSERT_TRUE(url) << c.url << ": " << url.error().message;
    EXPECT_EQ(url->host, c.host) << c.url;
    EXPECT_EQ(url->port, c.port) << c.url;
    EXPECT_EQ(url->target, c.target) << c.url;
  }
}

TEST(ParseUrlTest, RefusesWhatItCannotFetchAndNamesIt) {
  for (const char* bad :
       {"", "a:80", "https://a", "ftp://a", "http://", "http://:80", "http://a:", "http://a:0",
        "http://a:65536", "http://a:8x", "http://u:p@a", "http://[::1", "http://[::1]x",
        "http://a/ b", "http://a/\r\nX: y", "http://\xc3\xa4"}) {
    auto url = ParseUrl(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(url.error().message.find(bad), std::string::npos);
  }
}

TEST(ParseRequestTargetTest, DecodesPathAndQueryInOrder) {
  auto target = ParseRequestTarget("/a%20b/c+d?x=1&y=a+b%26&z&x=2&&");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a b/c+d");
  EXPECT_EQ(target->query, (QueryParameters{{"x", "1"}, {"y", "a b&"}, {"z", ""}, {"x", "2"}}));
  EXPECT_EQ(ParseRequestTarget("http://host:1/p?q=1")->path, "/p");
  EXPECT_EQ(ParseRequestTarget("http://host")->path, "/");
  EXPECT_EQ(ParseRequestTarget("*")->path, "*");
}

TEST(ParseRequestTargetTest, RefusesBadEncodingsAndFloods) {
  for (const char* bad : {"", "a", "?x", "/%", "/%4", "/%zz", "/%00", "/?a=%", "/?%00=1"}) {
    EXPECT_FALSE(ParseRequestTarget(bad)) << bad;
  }
  std::string flood = "/?";
  for (size_t i = 0; i <= kMaxQueryParameters; ++i) flood += "a=1&";
  EXPECT_FALSE(ParseRequestTarget(flood));
}

TEST(PercentCodingTest, EncodedTextDecodesToItself) {
  std::string all;
  for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
  std::string decoded;
  ASSERT_TRUE(PercentDecode(PercentEncode(all), false, &decoded));
  EXPECT_EQ(decoded, all);
  EXPECT_EQ(EncodeQuery({{"match[]", "a b"}, {"x", ""}}), "match%5B%5D=a%20b&x=");
}

}  // namespace
}  // namespace tidemark
