#include "base/files.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(FilesTest, WhatIsWrittenIsReadBack) {
  const std::string path = testing::TempDir() + "files_test";
  const std::string bytes(100'000, '\x7f');
  ASSERT_TRUE(WriteWholeFile(path, bytes));
  EXPECT_EQ(*ReadWholeFile(path, bytes.size()), bytes);
  const auto small = ReadWholeFile(path, bytes.size() - 1);
  ASSERT_FALSE(small);
  EXPECT_EQ(small.error().code, ErrorCode::kResourceExhausted);
}

TEST(FilesTest, MissingPlacesAreNamed) {
  const auto read = ReadWholeFile("/nowhere/file", 10);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kNotFound);
  EXPECT_NE(read.error().message.find("/nowhere/file"), std::string::npos);
  EXPECT_FALSE(WriteWholeFile("/nowhere/file", "x"));
}

}  // namespace
}  // namespace tidemark
