#include "goheap/memory_image.h"

#include <gtest/gtest.h>

#include <string>

namespace tidemark::goheap {
namespace {

std::span<const std::byte> Bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

std::string TextAt(const MemoryImage& image, uint64_t address, size_t count) {
  std::string text(count, '?');
  return image.Read(address, std::as_writable_bytes(std::span(text))) ? text : "(nothing)";
}

TEST(MemoryImageTest, WherePiecesOverlapTheFirstOneHasTheSay) {
  const std::string first = "AAAA", second = "bbbbbbbbbbbb", third = "cc";
  PieceImage image;
  image.Add(104, Bytes(first));
  image.Add(100, Bytes(second));
  image.Add(103, Bytes(third));
  EXPECT_EQ(TextAt(image, 100, 12), "bbbbAAAAbbbb");
  EXPECT_EQ(image.byte_count(), 12u);
  EXPECT_EQ(image.piece_count(), 3u);
}

TEST(MemoryImageTest, ReadsGoOverPiecesAndViewsDoNot) {
  const std::string first = "abcd", second = "efgh";
  PieceImage image;
  image.Add(100, Bytes(first));
  image.Add(104, Bytes(second));
  EXPECT_EQ(TextAt(image, 102, 4), "cdef");
  EXPECT_EQ(image.View(102, 4), nullptr);
  EXPECT_NE(image.View(102, 2), nullptr);
  std::vector<std::byte> buffer;
  const std::byte* bytes = image.ViewOrRead(102, 4, buffer);
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(std::memcmp(bytes, "cdef", 4), 0);
}

TEST(MemoryImageTest, WhatIsNotThereIsNotRead) {
  const std::string text = "abcd";
  PieceImage image;
  image.Add(100, Bytes(text));
  EXPECT_EQ(TextAt(image, 99, 2), "(nothing)");
  EXPECT_EQ(TextAt(image, 103, 2), "(nothing)");
  EXPECT_EQ(image.Load<uint64_t>(100), std::nullopt);
  EXPECT_EQ(image.Load<uint32_t>(100), 0x64636261u);
}

TEST(MemoryImageTest, ALyingSizeTakesNoMemory) {
  const std::string text(100, 'x');
  PieceImage image;
  image.Add(100, Bytes(text));
  std::vector<std::byte> buffer;
  EXPECT_EQ(image.ViewOrRead(100, uint64_t{1} << 62, buffer), nullptr);
  EXPECT_EQ(image.ViewOrRead(100, uint64_t{1} << 29, buffer), nullptr);
  EXPECT_LE(buffer.size(), size_t{1} << 20);
}

TEST(MemoryImageTest, APieceEndsAtTheEndOfTheAddressSpace) {
  const std::string text = "abcdefgh";
  PieceImage image;
  image.Add(~uint64_t{0} - 3, Bytes(text));
  EXPECT_EQ(image.byte_count(), 3u);
  EXPECT_EQ(TextAt(image, ~uint64_t{0} - 3, 3), "abc");
  EXPECT_EQ(TextAt(image, ~uint64_t{0} - 3, 8), "(nothing)");
}

TEST(MemoryImageTest, AFallbackIsAskedForWhatTheFirstHasNot) {
  const std::string first = "ab", second = "cdef";
  PieceImage one, two;
  one.Add(100, Bytes(first));
  two.Add(100, Bytes(second));
  const FallbackImage both(one, two);
  EXPECT_EQ(TextAt(both, 100, 2), "ab");
  EXPECT_EQ(TextAt(both, 102, 2), "ef");
}

}  // namespace
}  // namespace tidemark::goheap
