#include "base/gzip.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(GzipTest, RoundTripKeepsBytes) {
  const std::string text(200'000, 'x');
  const auto back = Gunzip(Gzip(text), text.size());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, text);
}

TEST(GzipTest, SeveralMembersAreOneStream) {
  const auto back = Gunzip(Gzip("left ") + Gzip("right"), 100);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(*back, "left right");
}

TEST(GzipTest, BombIsRefusedAtTheLimit) {
  const auto result = Gunzip(Gzip(std::string(50'000'000, '\0')), 1'000'000);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(result.error().retryable);
}

TEST(GzipTest, EveryCutIsAnError) {
  const std::string whole = Gzip("some text that is compressed");
  for (size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_FALSE(Gunzip(whole.substr(0, cut), 1000)) << cut;
  }
}

TEST(GzipTest, DamageIsAnInvalidArgumentNamingThePlace) {
  std::string bytes = Gzip("some text that is compressed");
  bytes[bytes.size() - 6] ^= 0x40;  // the checksum
  const auto result = Gunzip(bytes, 1000);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(result.error().message.find("byte"), std::string::npos);
}

}  // namespace
}  // namespace tidemark
