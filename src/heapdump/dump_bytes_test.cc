#include "heapdump/dump_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/gzip.h"

namespace tidemark {
namespace {

class DumpBytesTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "dump_bytes_" + std::to_string(getpid());
    std::filesystem::create_directories(directory_);
    options_.temp_directory = directory_;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string File(const std::string& bytes) {
    const std::string path = directory_ + "/file";
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }
  // A FIFO into which a thread writes `bytes`.
  std::string Fifo(const std::string& bytes) {
    const std::string path = directory_ + "/fifo";
    mkfifo(path.c_str(), 0600);
    writer_ = std::jthread([path, bytes] { std::ofstream(path, std::ios::binary) << bytes; });
    return path;
  }
  static std::string All(ByteSource& source) {
    std::string text;
    std::byte piece[100];
    while (true) {
      const auto got = source.Read(piece);
      if (!got) return got.error().message;
      if (*got == 0) return text;
      text.append(reinterpret_cast<const char*>(piece), *got);
    }
  }

  std::string directory_;
  OpenDumpOptions options_;
  std::jthread writer_;
};

const std::string kDump = "JAVA PROFILE 1.0.2" + std::string(500, 'x');

TEST_F(DumpBytesTest, AFileIsGivenFromItsFirstByteAndAgain) {
  auto opened = OpenDumpBytes(File(kDump), options_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->file_bytes, kDump.size());
  EXPECT_GT(opened->file_time_ns, 0);
  EXPECT_EQ(opened->beginning.size(), 64u);
  EXPECT_EQ(All(*opened->bytes), kDump);
  ASSERT_TRUE(opened->bytes->Rewind());
  EXPECT_EQ(All(*opened->bytes), kDump);
}

TEST_F(DumpBytesTest, GzipIsInflatedAndCanBeReadAgain) {
  auto opened = OpenDumpBytes(File(Gzip(kDump)), options_);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->gzip);
  EXPECT_EQ(All(*opened->bytes), kDump);
  ASSERT_TRUE(opened->bytes->Rewind());
  EXPECT_EQ(All(*opened->bytes), kDump);
}

TEST_F(DumpBytesTest, APipeIsKeptSoThatItCanBeReadAgain) {
  auto opened = OpenDumpBytes(Fifo(kDump), options_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(All(*opened->bytes), kDump);
  ASSERT_TRUE(opened->bytes->Rewind());
  EXPECT_EQ(All(*opened->bytes), kDump);
}

TEST_F(DumpBytesTest, APipeForOneReadingLosesNoByteAndCannotBeReadAgain) {
  options_.one_reading = true;
  for (const std::string& bytes : {kDump, Gzip(kDump)}) {
    auto opened = OpenDumpBytes(Fifo(bytes), options_);
    ASSERT_TRUE(opened);
    EXPECT_EQ(All(*opened->bytes), kDump);
    EXPECT_FALSE(opened->bytes->Rewind());
    std::filesystem::remove(directory_ + "/fifo");
  }
}

TEST_F(DumpBytesTest, APipeBeyondTheLimitIsRefused) {
  options_.max_spooled_bytes = 100;
  const auto opened = OpenDumpBytes(Fifo(kDump), options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kResourceExhausted);
}

TEST_F(DumpBytesTest, ADeviceWithoutAnEndIsNotCopied) {
  const auto opened = OpenDumpBytes("/dev/zero", options_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::StartsWith("/dev/zero: is no heap dump"));
}

TEST_F(DumpBytesTest, ErrorsNameThePath) {
  EXPECT_EQ(OpenDumpBytes("/no/such/dump", options_).error().code, ErrorCode::kNotFound);
  EXPECT_THAT(OpenDumpBytes(directory_, options_).error().message,
              testing::HasSubstr(directory_ + ": is a folder"));
  const std::string cut = File(Gzip(kDump).substr(0, 12));
  const auto opened = OpenDumpBytes(cut, options_);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, testing::HasSubstr(cut));
  EXPECT_THAT(OpenDump(File("PK\x03\x04"), options_).error().message,
              testing::HasSubstr("known are"));
}

}  // namespace
}  // namespace tidemark
