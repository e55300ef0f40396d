#include "base/text.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(TextTest, BytesAndTimesReadAsPeopleWriteThem) {
  EXPECT_EQ(FormatBytes(0), "0 B");
  EXPECT_EQ(FormatBytes(-3), "-3 B");
  EXPECT_EQ(FormatBytes(2457), "2.40 KiB");
  EXPECT_EQ(FormatBytes(12.0 * (1 << 30)), "12.0 GiB");
  EXPECT_EQ(FormatSpanOfTime(42'000'000'000), "42 s");
  EXPECT_EQ(FormatSpanOfTime(200'000'000'000), "3 min 20 s");
  EXPECT_EQ(FormatSpanOfTime(9000'000'000'000), "2.5 h");
}

}  // namespace
}  // namespace tidemark
