#include "heapgraph/scratch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;

bool IsZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(),
                     [](std::byte byte) { return byte == std::byte{}; });
}

void Fill(std::span<std::byte> bytes, uint8_t value) {
  std::fill(bytes.begin(), bytes.end(), std::byte{value});
}

TEST(HeapScratch, WhatIsGivenBackIsJoinedAndComesBackZeroed) {
  HeapScratch scratch;
  const auto whole = *scratch.Allocate(32 * kMiB);
  Fill(whole, 1);
  scratch.Release(whole);
  const auto first = *scratch.Allocate(8 * kMiB), second = *scratch.Allocate(8 * kMiB);
  EXPECT_TRUE(IsZero(first));
  EXPECT_EQ(second.data(), first.data() + first.size());
  Fill(first, 2);
  Fill(second, 3);
  scratch.Release(second);
  scratch.Release(first);
  const auto again = *scratch.Allocate(32 * kMiB);
  EXPECT_EQ(again.data(), whole.data());
  EXPECT_TRUE(IsZero(again));
  scratch.Release(again);
}

// Sizes on both sides of a page and of a huge page; each block has a value of its own, which must
// stay with it, and zeros where it grew.
TEST(HeapScratch, BlocksKeepTheirBytesThroughAnyOrderOfCalls) {
  struct Block {
    std::span<std::byte> bytes;
    uint8_t value;
  };
  HeapScratch scratch;
  std::vector<Block> blocks;
  std::mt19937_64 random(7);
  const auto size = [&] { return 1 + random() % (uint64_t{1} << (random() % 11 + 12)); };
  for (int step = 0; step < 2000; ++step) {
    const uint64_t choice = random() % 3;
    if (blocks.empty() || (choice == 0 && blocks.size() < 30)) {
      const auto bytes = scratch.Allocate(size());
      ASSERT_TRUE(bytes);
      ASSERT_TRUE(IsZero(*bytes)) << "step " << step;
      blocks.push_back({*bytes, static_cast<uint8_t>(1 + random() % 255)});
      Fill(blocks.back().bytes, blocks.back().value);
      continue;
    }
    Block& block = blocks[random() % blocks.size()];
    const uint64_t old_bytes = block.bytes.size();
    ASSERT_EQ(std::count(block.bytes.begin(), block.bytes.end(), std::byte{block.value}),
              old_bytes);
    if (choice == 1) {
      scratch.Release(block.bytes);
      block = blocks.back();
      blocks.pop_back();
      continue;
    }
    const auto resized = scratch.Resize(block.bytes, size());
    ASSERT_TRUE(resized);
    block.bytes = *resized;
    const uint64_t kept = std::min<uint64_t>(old_bytes, block.bytes.size());
    ASSERT_EQ(std::count(block.bytes.begin(), block.bytes.begin() + kept, std::byte{block.value}),
              kept);
    ASSERT_TRUE(IsZero(block.bytes.subspan(kept))) << "step " << step;
    Fill(block.bytes, block.value);
  }
}

}  // namespace
}  // namespace tidemark::heapgraph
