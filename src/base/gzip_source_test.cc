#include "base/gzip_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "base/gzip.h"
#include "base/replay_source.h"

namespace tidemark {
namespace {

// Repeats enough to shrink, varies enough to show a byte out of place.
std::string Varied(size_t count) {
  std::string text;
  for (size_t i = 0; text.size() < count; ++i) text += "line " + std::to_string(i * i) + "\n";
  text.resize(count);
  return text;
}

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

// What the source gives, and its error behind it.
std::string ReadAll(ByteSource& source, size_t step = 70'001) {
  std::string text;
  std::string buffer(step, '\0');
  while (true) {
    const auto got = source.Read(std::as_writable_bytes(std::span(buffer)));
    if (!got) return text + "\nerror: " + got.error().message;
    if (*got == 0) return text;
    text.append(buffer, 0, *got);
  }
}

// As HotSpot writes it with -gz=1: members of `block` bytes, of which the first tells their size.
std::string Members(const std::string& text, size_t block) {
  std::string out;
  for (size_t at = 0; at < text.size(); at += block) {
    std::string member = Gzip(text.substr(at, block), 1);
    if (at == 0) {
      constexpr size_t kHead = 10;
      member[3] = 0x10;  // a comment follows the head
      member.insert(kHead, "HPROF BLOCKSIZE=" + std::to_string(block) + '\0');
    }
    out += member;
  }
  return out;
}

TEST(GzipSource, WhatIsNotCompressedIsGivenAsItIs) {
  for (const std::string text : {"", "x", "plain text"}) {
    auto source = MaybeGunzip(BytesInMemory(Bytes(text)));
    ASSERT_TRUE(source);
    EXPECT_EQ(ReadAll(**source), text);
    EXPECT_EQ((*source)->size(), text.size());
  }
}

TEST(GzipSource, InflatesAllMembersAndRewinds) {
  const std::string text = Varied(3'000'000);
  const std::string packed = Gzip(text.substr(0, 1'000'000)) + Gzip(text.substr(1'000'000));
  auto source = MaybeGunzip(BytesInMemory(Bytes(packed)));
  ASSERT_TRUE(source);
  EXPECT_EQ(ReadAll(**source), text);
  ASSERT_TRUE((*source)->Rewind());
  EXPECT_EQ(ReadAll(**source, 1000), text);
}

TEST(GzipSource, BlocksOfHotSpotComeInOrder) {
  const std::string text = Varied(5'300'000);
  for (const size_t block : {1u << 16, 1u << 20}) {
    const std::string packed = Members(text, block);
    auto source = MaybeGunzip(BytesInMemory(Bytes(packed)));
    ASSERT_TRUE(source);
    EXPECT_EQ(ReadAll(**source), text) << block;
    ASSERT_TRUE((*source)->Rewind());
    EXPECT_EQ(ReadAll(**source), text) << block;
  }
}

TEST(GzipSource, BlocksThatAreNotAsPromisedAreInflatedAllTheSame) {
  const std::string text = Varied(3'000'000);
  std::string packed = Members(text, 1 << 20);
  const size_t size = packed.find("1048576");
  std::memcpy(packed.data() + size, "0004096", 7);
  auto source = MaybeGunzip(BytesInMemory(Bytes(packed)));
  ASSERT_TRUE(source);
  EXPECT_EQ(ReadAll(**source), text);
}

TEST(GzipSource, DamageHasAnOffsetAndComesAfterTheGoodBytes) {
  const std::string text = Varied(3'000'000);
  for (const std::string& whole : {Members(text, 1 << 20), Gzip(text)}) {
    const std::string cut = whole.substr(0, whole.size() - 100);
    auto source = MaybeGunzip(BytesInMemory(Bytes(cut)));
    ASSERT_TRUE(source);
    const std::string read = ReadAll(**source);
    EXPECT_NE(
        read.find("error: gzip: cut short at compressed offset " + std::to_string(cut.size())),
        std::string::npos);
    EXPECT_EQ(read.compare(0, 2'000'000, text, 0, 2'000'000), 0);
    std::string bent = whole;
    bent[bent.size() * 3 / 4] = static_cast<char>(bent[bent.size() * 3 / 4] ^ 0xff);
    source = MaybeGunzip(BytesInMemory(Bytes(bent)));
    ASSERT_TRUE(source);
    EXPECT_NE(ReadAll(**source).find("error: gzip: "), std::string::npos);
  }
}

TEST(GzipSource, InflatesFromAPipe) {
  const std::string text = Varied(2'000'000), packed = Members(text, 1 << 20);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::thread writer([&] {
    size_t done = 0;
    while (done < packed.size()) {
      const ssize_t wrote = write(ends[1], packed.data() + done, packed.size() - done);
      if (wrote <= 0) break;
      done += static_cast<size_t>(wrote);
    }
    close(ends[1]);
  });
  auto fifo = OpenByteSource("/proc/self/fd/" + std::to_string(ends[0]));
  ASSERT_TRUE(fifo);
  auto source = MaybeGunzip(std::move(*fifo));
  ASSERT_TRUE(source);
  EXPECT_EQ(ReadAll(**source), text);
  EXPECT_FALSE((*source)->Rewind());
  writer.join();
  close(ends[0]);
}

// A source that cannot go back.
class OneWay : public ByteSource {
 public:
  explicit OneWay(std::span<const std::byte> bytes) : inner_(BytesInMemory(bytes)) {}
  Result<size_t> Read(std::span<std::byte> into) override { return inner_->Read(into); }
  Result<void> Rewind() override { return InvalidArgument("one way"); }
  std::optional<uint64_t> size() const override { return std::nullopt; }

 private:
  std::unique_ptr<ByteSource> inner_;
};

TEST(ReplaySource, KeepsTheFirstBytesOfAPipe) {
  const std::string text = Varied(100'000);
  ReplaySource source(std::make_unique<OneWay>(Bytes(text)), 50'000);
  std::string head(40'000, '\0');
  ASSERT_EQ(*source.Read(std::as_writable_bytes(std::span(head))), head.size());
  ASSERT_TRUE(source.Rewind());
  EXPECT_EQ(ReadAll(source), text);
  EXPECT_FALSE(source.Rewind()) << "more was read than it keeps";
}

TEST(ReplaySource, ForgetsWhenTold) {
  const std::string text = Varied(1000);
  ReplaySource source(std::make_unique<OneWay>(Bytes(text)), 50'000);
  EXPECT_EQ(ReadAll(source), text);
  ASSERT_TRUE(source.Rewind());
  source.Forget();
  EXPECT_EQ(ReadAll(source), text);
  EXPECT_FALSE(source.Rewind());
}

}  // namespace
}  // namespace tidemark
