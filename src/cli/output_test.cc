#include "cli/output.h"

#include <gtest/gtest.h>

#include "base/files.h"

namespace tidemark {
namespace {

TEST(OutputTest, ColumnsAreAsWideAsTheirWidestCellAndEndWithoutBlanks) {
  TextTable table("lr");
  table.Row({"name", "bytes", "x"});
  table.Row({"a", "12"});
  EXPECT_EQ(table.Text(), "name  bytes  x\na        12\n");
}

TEST(OutputTest, FilesAreReadWholeOrNamedInTheError) {
  const std::string path = testing::TempDir() + "output_test";
  ASSERT_TRUE(WriteWholeFile(path, "12345"));
  EXPECT_EQ(*ReadFile(path, 5), "12345");
  EXPECT_EQ(ReadFile(path, 4).error().code, ErrorCode::kResourceExhausted);
  const auto missing = ReadFile("/nowhere/profile", 5);
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("/nowhere/profile"), std::string::npos);
}

}  // namespace
}  // namespace tidemark
