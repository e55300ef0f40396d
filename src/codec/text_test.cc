#include "codec/text.h"

#include <gtest/gtest.h>

namespace tidemark::codec {
namespace {

#define FFFD "\xEF\xBF\xBD"

TEST(TextTest, IllFormedUtf8IsReplacedByMaximalSubparts) {
  const std::pair<std::string, std::string> kCases[] = {
      {"plain ascii text, long enough", "plain ascii text, long enough"},
      {"é→😀", "é→😀"},
      {"a\xff"
       "b",
       "a" FFFD "b"},
      {"\xC0\xAF", FFFD FFFD},                    // overlong
      {"\xED\xA0\x80", FFFD FFFD FFFD},           // surrogate
      {"\xF4\x90\x80\x80", FFFD FFFD FFFD FFFD},  // above U+10FFFF
      {"\xE2\x82", FFFD},                         // cut: one part
      {"\xF0\x9F\x98"
       "x",
       FFFD "x"},
      {"\x80", FFFD},
      {std::string("a\0b", 3), std::string("a\0b", 3)},
  };
  for (const auto& [in, expected] : kCases) {
    std::string out;
    AppendUtf8(in, &out);
    EXPECT_EQ(out, expected) << EncodeHex(in);
  }
}

TEST(TextTest, CutsFallBetweenCharacters) {
  bool cut = false;
  EXPECT_EQ(Utf8("abé", 4, &cut), "abé");
  EXPECT_FALSE(cut);
  EXPECT_EQ(Utf8("abé", 3, &cut), "ab");
  EXPECT_TRUE(cut);
  EXPECT_EQ(Utf8("ab😀", 5, &cut), "ab");
  EXPECT_EQ(Utf8("é", 1, &cut), "");
  EXPECT_EQ(Utf8("a\xff\xff", 4, &cut), "a" FFFD);
  EXPECT_EQ(Utf8("éé", 2, &cut), "é");
}

TEST(TextTest, Base64RoundTripsAndRefusesOtherLetters) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}};
  for (const auto& [plain, coded] : kCases) {
    std::string decoded;
    EXPECT_EQ(EncodeBase64(plain), coded);
    ASSERT_TRUE(DecodeBase64(coded, &decoded));
    EXPECT_EQ(decoded, plain);
  }
  std::string out;
  EXPECT_TRUE(DecodeBase64("-_8", &out));
  EXPECT_EQ(out, "\xFB\xFF");
  EXPECT_FALSE(DecodeBase64("Z", &out));
  EXPECT_FALSE(DecodeBase64("Zg=a", &out));
  EXPECT_FALSE(DecodeBase64("Z g=", &out));
}

TEST(TextTest, NumbersAndStringsAsJsonHasThem) {
  EXPECT_EQ(NumberText(0.1), "0.1");
  EXPECT_EQ(NumberText(-1.0 / 0.0), "-Infinity");
  std::string out;
  AppendJsonString("a\"\\\n\x01é", &out);
  EXPECT_EQ(out, "\"a\\\"\\\\\\n\\u0001é\"");
}

}  // namespace
}  // namespace tidemark::codec
