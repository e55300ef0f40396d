#include "collect/ledger_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "collect/fake_root.h"

namespace tidemark {
namespace {

std::vector<uint64_t> PidsOf(const LedgerListing& listing) {
  std::vector<uint64_t> pids;
  for (const LedgerFile& file : listing.files) pids.push_back(file.pid);
  return pids;
}

TEST(LedgerFilesTest, FilesOfTheFolderAndOfThoseWithinAreFound) {
  FakeRoot root;
  root.Write("/7.ledger", "x");
  root.Write("/pod-a/1.ledger", "x");
  root.Write("/pod-b/1.ledger", "x");
  root.Write("/pod-b/deeper/2.ledger", "x");
  root.Write("/.hidden/3.ledger", "x");
  for (const char* name : {"/x.ledger", "/-1.ledger", "/0.ledger", "/7.ledger.tmp", "/7",
                           "/99999999999999999999999.ledger", "/7x.ledger"}) {
    root.Write(name, "x");
  }
  EXPECT_THAT(PidsOf(ListLedgers(root.path(), 100)), testing::ElementsAre(7, 1, 1));
}

TEST(LedgerFilesTest, NamesThatAreNoFileAreRefusedAndCounted) {
  FakeRoot root;
  root.Write("/1.ledger", "x");
  ASSERT_EQ(symlink("/etc/passwd", (root.path() + "/2.ledger").c_str()), 0);
  ASSERT_EQ(mkfifo((root.path() + "/3.ledger").c_str(), 0600), 0);
  std::filesystem::create_directory(root.path() + "/4.ledger");
  ASSERT_EQ(symlink("/", (root.path() + "/folder").c_str()), 0);
  const LedgerListing listing = ListLedgers(root.path(), 100);
  EXPECT_THAT(PidsOf(listing), testing::ElementsAre(1));
  EXPECT_EQ(listing.refused, 3u);
}

TEST(LedgerFilesTest, FilesBeyondTheLimitAreLeftOutAndCounted) {
  FakeRoot root;
  for (int i = 1; i <= 9; ++i) root.Write("/" + std::to_string(i) + ".ledger", "x");
  const LedgerListing listing = ListLedgers(root.path(), 5);
  EXPECT_EQ(listing.files.size(), 5u);
  EXPECT_EQ(listing.left_out, 4u);
  EXPECT_TRUE(ListLedgers(root.path() + "/absent", 5).files.empty());
}

TEST(LedgerFilesTest, ALinkThatTookTheFilesPlaceIsNotFollowed) {
  FakeRoot root;
  root.Write("/1.ledger", "x");
  const LedgerFile file = ListLedgers(root.path(), 10).files.at(0);
  std::filesystem::remove(file.path);
  ASSERT_EQ(symlink("/etc/passwd", file.path.c_str()), 0);
  EXPECT_FALSE(ReadLedgerFile(file));
  RemoveLedgerFile(file);
  EXPECT_TRUE(std::filesystem::is_symlink(file.path));
}

TEST(LedgerFilesTest, AFileThatGotTheInodeAnewIsAnother) {
  FakeRoot root;
  root.Write("/1.ledger", "x");
  const LedgerFile before = ListLedgers(root.path(), 10).files.at(0);
  if (before.born_ns == 0) GTEST_SKIP() << "this file system keeps no birth times";
  std::filesystem::remove(before.path);
  root.Write("/1.ledger", "x");
  EXPECT_NE(ListLedgers(root.path(), 10).files.at(0), before);
}

TEST(LedgerFilesTest, AnotherFileOfTheNameIsNeitherReadNorRemoved) {
  FakeRoot root;
  root.Write("/1.ledger", "x");
  LedgerFile file = ListLedgers(root.path(), 10).files.at(0);
  ++file.inode;
  const auto read = ReadLedgerFile(file);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kNotFound);
  RemoveLedgerFile(file);
  EXPECT_TRUE(std::filesystem::exists(file.path));
  --file.inode;
  RemoveLedgerFile(file);
  EXPECT_FALSE(std::filesystem::exists(file.path));
}

}  // namespace
}  // namespace tidemark
