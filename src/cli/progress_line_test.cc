#include "cli/progress_line.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(ProgressLineTest, SaysTheShareAndTheRate) {
  EXPECT_EQ(ProgressText("reading the heap", 512 << 20, 1 << 30, true, 1'000'000'000),
            "reading the heap  50 %, 512 MiB/s");
  EXPECT_EQ(ProgressText("walking the graph", 3, 4, false, 2'000'000'000),
            "walking the graph  75 %");
}

TEST(ProgressLineTest, WithoutAnEndItSaysHowFarItCame) {
  EXPECT_EQ(ProgressText("reading the heap", 1 << 20, 0, true, 100), "reading the heap  1.00 MiB");
  EXPECT_EQ(ProgressText("reading the heap", 9, 3, false, 100), "reading the heap  100 %");
}

TEST(ProgressLineTest, WritesNothingWhereNobodyLooks) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  {
    ProgressLine line(file);
    line.Show("reading", 1, 2, true);
  }
  EXPECT_EQ(std::ftell(file), 0);
  std::fclose(file);
}

}  // namespace
}  // namespace tidemark
