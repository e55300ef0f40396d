#include "model/span.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(SpanTest, IdsRoundTripThroughHex) {
  TraceId trace;
  ASSERT_TRUE(FromHex("0AF7651916cd43dd8448eb211c80319c", &trace));
  EXPECT_EQ(ToHex(trace), "0af7651916cd43dd8448eb211c80319c");
  SpanId span;
  ASSERT_TRUE(FromHex("00f067aa0ba902b7", &span));
  EXPECT_EQ(ToHex(span), "00f067aa0ba902b7");
}

TEST(SpanTest, OtherLengthsAndLettersAreRefused) {
  TraceId trace;
  SpanId span;
  EXPECT_FALSE(FromHex("", &trace));
  EXPECT_FALSE(FromHex(std::string(31, '0'), &trace));
  EXPECT_FALSE(FromHex(std::string(32, 'g'), &trace));
  EXPECT_FALSE(FromHex(std::string(17, '0'), &span));
}

}  // namespace
}  // namespace tidemark
