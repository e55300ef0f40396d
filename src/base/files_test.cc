#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

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

TEST(FilesTest, AFifoIsWrittenToAndStaysOne) {
  const std::string path = testing::TempDir() + "files_fifo_" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  Result<std::string> got = std::string();
  std::jthread reader([&] { got = ReadWholeFile(path, 100); });
  EXPECT_TRUE(WriteWholeFile(path, "a report"));
  reader.join();
  EXPECT_EQ(*got, "a report");
  EXPECT_TRUE(std::filesystem::is_fifo(path));
  std::filesystem::remove(path);
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
