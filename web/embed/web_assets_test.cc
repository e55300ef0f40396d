#include "web/embed/web_assets.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>

namespace tidemark {
namespace {

// Empty when the input is not one whole gzip member.
std::string Inflate(std::string_view gzip) {
  z_stream stream{};
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return {};
  std::string out(4u << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = inflate(&stream, Z_FINISH);
  out.resize(end == Z_STREAM_END ? stream.total_out : 0);
  inflateEnd(&stream);
  return out;
}

TEST(WebAssetsTest, TheRootIsThePage) {
  const WebAsset* page = FindWebAsset("/");
  ASSERT_NE(page, nullptr);
  EXPECT_EQ(page->path, "/index.html");
  EXPECT_EQ(page->content_type, "text/html; charset=utf-8");
  EXPECT_NE(Inflate(page->gzip_body).find("<div id=\"app\">"), std::string::npos);
}

TEST(WebAssetsTest, EveryFileThePageNamesIsThereAndUnpacks) {
  for (const char* path : {"/app.js", "/app.css", "/theme.js", "/favicon.svg", "/licenses.txt"}) {
    const WebAsset* asset = FindWebAsset(path);
    ASSERT_NE(asset, nullptr) << path;
    EXPECT_FALSE(Inflate(asset->gzip_body).empty()) << path;
    EXPECT_EQ(asset->etag.front(), '"') << path;
    EXPECT_EQ(asset->etag.size(), 18u) << path;
  }
}

TEST(WebAssetsTest, ThePageHoldsNoInlineScriptOrStyleAndNamesNoOtherHost) {
  const std::string page = Inflate(FindWebAsset("/")->gzip_body);
  EXPECT_EQ(page.find("<style"), std::string::npos);
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_EQ(page.find("style="), std::string::npos);
  EXPECT_EQ(page.find("//"), std::string::npos);
}

TEST(WebAssetsTest, OtherPathsAreNotFound) {
  for (const char* path : {"", "app.js", "/app", "/../app.js", "/app.js/", "/APP.JS"}) {
    EXPECT_EQ(FindWebAsset(path), nullptr) << path;
  }
}

}  // namespace
}  // namespace tidemark
