#include "base/byte_source.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <numeric>

namespace tidemark {
namespace {

std::vector<std::byte> Counting(size_t count) {
  std::vector<std::byte> bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 256);
  return bytes;
}

TEST(ByteCursor, GivesEveryByteInOrderWhateverIsAskedFor) {
  const auto bytes = Counting(3 << 20);
  const auto source = BytesInMemory(bytes);
  ByteCursor cursor(*source, 1 << 20);
  size_t at = 0;
  for (size_t step = 1; at < bytes.size(); step = step * 3 % 700'001 + 1) {
    const size_t count = std::min(step, bytes.size() - at);
    const auto window = cursor.Peek(count);
    ASSERT_TRUE(window) << window.error().message;
    ASSERT_GE(window->size(), count);
    ASSERT_EQ(std::memcmp(window->data(), bytes.data() + at, count), 0) << "at " << at;
    cursor.Advance(count);
    at += count;
    ASSERT_EQ(cursor.offset(), at);
  }
  EXPECT_EQ(cursor.Peek(10)->size(), 0u);
}

TEST(ByteCursor, KeepsItsPlaceWhenALargeWindowIsGivenBack) {
  std::vector<std::byte> bytes(size_t{40} << 20);
  for (size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::byte>(i * 2654435761u >> 13);
  const auto source = BytesInMemory(bytes);
  ByteCursor cursor(*source, size_t{48} << 20);
  size_t at = 0;
  // Records of 9 MiB among short ones.
  for (size_t record = 0; at < bytes.size(); ++record) {
    const size_t wanted = record % 1000 == 10 ? size_t{9} << 20 : 1 + record % 5000;
    const size_t count = std::min(wanted, bytes.size() - at);
    const auto got = cursor.Peek(wanted);
    ASSERT_TRUE(got);
    ASSERT_GE(got->size(), count);
    ASSERT_TRUE(std::equal(got->begin(), got->begin() + static_cast<ptrdiff_t>(count),
                           bytes.begin() + static_cast<ptrdiff_t>(at)));
    cursor.Advance(count);
    at += count;
    ASSERT_EQ(cursor.offset(), at);
  }
  const auto end = cursor.Peek(1);
  ASSERT_TRUE(end);
  EXPECT_TRUE(end->empty());
}

TEST(ByteCursor, RefusesWhatIsLongerThanItsWindow) {
  const auto bytes = Counting(100);
  const auto source = BytesInMemory(bytes);
  ByteCursor cursor(*source, 64);
  EXPECT_EQ(cursor.Peek(65).error().code, ErrorCode::kResourceExhausted);
  EXPECT_TRUE(cursor.Peek(64));
}

TEST(ByteCursor, SaysWhereASkippedSourceEnds) {
  const auto bytes = Counting(100);
  const auto source = BytesInMemory(bytes);
  ByteCursor cursor(*source, 64);
  const auto skipped = cursor.Skip(130);
  ASSERT_FALSE(skipped);
  EXPECT_EQ(skipped.error().message, "ends at offset 100, 30 bytes short");
}

TEST(ByteSource, APipeIsReadOnce) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(write(ends[1], "hello", 5), 5);
  close(ends[1]);
  const auto source = OpenByteSource("/proc/self/fd/" + std::to_string(ends[0]));
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_FALSE((*source)->size().has_value());
  ByteCursor cursor(**source);
  EXPECT_EQ(cursor.Peek(10)->size(), 5u);
  EXPECT_FALSE((*source)->Rewind());
  close(ends[0]);
}

TEST(ByteSource, NamesAFileThatIsNotThere) {
  const auto source = OpenByteSource("/nonexistent/dump");
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(source.error().message, "/nonexistent/dump: No such file or directory");
}

}  // namespace
}  // namespace tidemark
