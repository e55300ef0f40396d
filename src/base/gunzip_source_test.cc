#include "base/gunzip_source.h"

#include <gtest/gtest.h>

#include "base/gzip.h"

namespace tidemark {
namespace {

std::string Text(size_t bytes) {
  std::string text;
  for (size_t i = 0; text.size() < bytes; ++i) text += std::to_string(i * i) + " ";
  return text;
}

// All of it, in reads of `step` bytes.
Result<std::string> ReadAll(ByteSource& source, size_t step) {
  std::string text;
  std::vector<std::byte> piece(step);
  while (true) {
    TIDEMARK_ASSIGN_OR_RETURN(const size_t got, source.Read(piece));
    if (got == 0) return text;
    text.append(reinterpret_cast<const char*>(piece.data()), got);
  }
}

std::unique_ptr<ByteSource> Opened(const std::string& bytes) {
  return GunzipSource(BytesInMemory(std::as_bytes(std::span(bytes))));
}

TEST(GunzipSourceTest, GivesBackWhatWasCompressedWhateverTheStep) {
  const std::string text = Text(1 << 20), packed = Gzip(text);
  for (const size_t step : {size_t{1} << 16, size_t{7}, text.size() * 2}) {
    auto source = Opened(packed);
    EXPECT_EQ(ReadAll(*source, step).value_or(""), text) << step;
  }
}

TEST(GunzipSourceTest, MembersFollowEachOtherAndATailOfZerosIsNothing) {
  const std::string packed = Gzip("first ") + Gzip("second") + std::string(1000, '\0');
  auto source = Opened(packed);
  EXPECT_EQ(ReadAll(*source, 64).value_or(""), "first second");
}

TEST(GunzipSourceTest, RewindBeginsAgain) {
  const std::string text = Text(100'000), packed = Gzip(text);
  auto source = Opened(packed);
  std::vector<std::byte> some(1234);
  ASSERT_TRUE(source->Read(some));
  ASSERT_TRUE(source->Rewind());
  EXPECT_EQ(ReadAll(*source, 4096).value_or(""), text);
}

TEST(GunzipSourceTest, AStreamCutAnywhereIsCorruptAndSaysWhere) {
  const std::string text = Text(3'000), packed = Gzip(text);
  for (size_t length = 0; length < packed.size(); ++length) {
    const std::string cut = packed.substr(0, length);
    auto source = Opened(cut);
    const auto all = ReadAll(*source, 512);
    ASSERT_FALSE(all) << length;
    EXPECT_EQ(all.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(all.error().message.find("byte " + std::to_string(length)), std::string::npos)
        << all.error().message;
  }
}

TEST(GunzipSourceTest, FlippedBytesAreFoundByTheChecksum) {
  const std::string packed = Gzip(Text(3'000));
  for (size_t at = 10; at < packed.size(); ++at) {
    std::string flipped = packed;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    auto source = Opened(flipped);
    EXPECT_FALSE(ReadAll(*source, 512)) << at;
  }
}

}  // namespace
}  // namespace tidemark
