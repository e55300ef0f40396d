#include "recorder/slab.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <vector>

namespace tidemark::recorder {
namespace {

class SlabTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(slab_->Reserve()); }

  void Release(void* block) {
    Slab::Release release = slab_->BeginRelease(block);
    ASSERT_TRUE(release.known);
    Slab::Purge(block, &release);
    slab_->EndRelease(block, release);
  }

  std::unique_ptr<Slab> slab_ = std::make_unique<Slab>();
  bool zeroed_ = false;
};

TEST_F(SlabTest, EverySizeGetsAlignedRoomOfAtMostAQuarterMore) {
  for (uint64_t size = 1; size < 3'000'000; size = size + size / 7 + 1) {
    void* block = slab_->Allocate(size, 64, &zeroed_);
    ASSERT_NE(block, nullptr) << size;
    EXPECT_TRUE(slab_->Contains(block));
    EXPECT_EQ(reinterpret_cast<uint64_t>(block) % 64, 0u) << size;
    EXPECT_GE(slab_->UsableBytes(block), size);
    const uint64_t step = size > Slab::kMaxSmall ? Slab::kUnitBytes : 64;
    EXPECT_LE(slab_->UsableBytes(block), size + size / 4 + step) << size;
  }
}

TEST_F(SlabTest, AlignmentIsKeptUpToAGigabyte) {
  for (uint64_t alignment = 16; alignment <= Slab::kMaxAlignment; alignment *= 2) {
    for (const uint64_t size : {1ul, 100ul, 40'000ul}) {
      void* block = slab_->Allocate(size, alignment, &zeroed_);
      ASSERT_NE(block, nullptr) << alignment;
      EXPECT_EQ(reinterpret_cast<uint64_t>(block) % alignment, 0u);
    }
  }
  EXPECT_EQ(slab_->Allocate(1, 2 * Slab::kMaxAlignment, &zeroed_), nullptr);
}

TEST_F(SlabTest, OnlyTheStartOfAnAllocatedBlockIsKnown) {
  for (const uint64_t size : {100ul, 100'000ul}) {
    auto* block = static_cast<char*>(slab_->Allocate(size, 64, &zeroed_));
    EXPECT_EQ(slab_->UsableBytes(block + 64), 0u);
    EXPECT_EQ(slab_->UsableBytes(block + 1), 0u);
    EXPECT_FALSE(slab_->BeginRelease(block + 64).known);
    Release(block);
    EXPECT_EQ(slab_->UsableBytes(block), 0u);
    EXPECT_FALSE(slab_->BeginRelease(block).known) << "freed twice";
  }
  EXPECT_EQ(slab_->UsableBytes(reinterpret_cast<void*>(slab_->base() + (uint64_t{3} << 30))), 0u);
  EXPECT_EQ(slab_->UsableBytes(reinterpret_cast<void*>(slab_->base() + (uint64_t{1} << 30) + 4096)),
            0u);
  EXPECT_EQ(slab_->UsableBytes(nullptr), 0u);
}

TEST_F(SlabTest, LargeFreedMemoryGoesBackToTheSystemAndComesZeroed) {
  constexpr uint64_t kBytes = 64 * 1024 * 1024;
  void* block = slab_->Allocate(kBytes, 64, &zeroed_);
  EXPECT_TRUE(zeroed_);
  std::memset(block, 1, kBytes);
  Release(block);
  void* again = slab_->Allocate(kBytes, 64, &zeroed_);
  EXPECT_EQ(again, block);
  EXPECT_TRUE(zeroed_);
  EXPECT_EQ(static_cast<char*>(again)[kBytes - 1], 0);
}

TEST_F(SlabTest, MoreThanTheRangeIsRefused) {
  EXPECT_EQ(slab_->Allocate(uint64_t{1} << 37, 64, &zeroed_), nullptr);
  EXPECT_EQ(slab_->Allocate(~uint64_t{0}, 64, &zeroed_), nullptr);
}

// Random allocations and frees against a map of what should be alive; every block is filled and
// checked for what others did to it.
TEST_F(SlabTest, BlocksNeverOverlap) {
  constexpr uint32_t kSeed = 20;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  struct Block {
    size_t size;
    unsigned char fill;
  };
  std::map<unsigned char*, Block> alive;
  for (int i = 0; i < 20'000; ++i) {
    if (alive.size() < 300 || random() % 2 == 0) {
      const size_t size = random() % 20 == 0 ? random() % 300'000 + 1 : random() % 2'000 + 1;
      auto* at = static_cast<unsigned char*>(slab_->Allocate(size, 16u << random() % 6, &zeroed_));
      ASSERT_NE(at, nullptr);
      ASSERT_TRUE(!zeroed_ || at[size / 2] == 0);
      const auto fill = static_cast<unsigned char>(i % 255 + 1);
      std::memset(at, fill, size);
      slab_->SetTag(at, static_cast<uint32_t>(i + 1));
      ASSERT_TRUE(alive.emplace(at, Block{size, fill}).second) << "handed out twice";
    } else {
      auto it = alive.begin();
      std::advance(it, random() % alive.size());
      ASSERT_EQ((slab_->Tag(it->first) - 1) % 255 + 1, it->second.fill);
      ASSERT_EQ(it->first[0], it->second.fill);
      ASSERT_EQ(it->first[it->second.size - 1], it->second.fill);
      Release(it->first);
      alive.erase(it);
    }
  }
}

TEST_F(SlabTest, PagesMoveBetweenLargeBlocks) {
  constexpr uint64_t kBytes = Slab::kMovePagesFrom;
  auto* from = static_cast<char*>(slab_->Allocate(kBytes, 64, &zeroed_));
  auto* to = static_cast<char*>(slab_->Allocate(2 * kBytes, 64, &zeroed_));
  from[0] = 1;
  from[kBytes - 1] = 2;
  if (!Slab::MovePages(from, to, kBytes)) GTEST_SKIP() << "the kernel has no MREMAP_DONTUNMAP";
  EXPECT_EQ(to[0], 1);
  EXPECT_EQ(to[kBytes - 1], 2);
  to[2 * kBytes - 1] = 3;
  from[kBytes / 2] = 4;  // still mapped
  EXPECT_EQ(from[0], 0);
}

TEST_F(SlabTest, TheLargeBlockCutLastGrowsWhereItIs) {
  auto* first = static_cast<char*>(slab_->Allocate(100'000, 64, &zeroed_));
  ASSERT_TRUE(slab_->GrowInPlace(first, 1'000'000));
  EXPECT_GE(slab_->UsableBytes(first), 1'000'000u);
  first[999'999] = 1;
  auto* second = static_cast<char*>(slab_->Allocate(100'000, 64, &zeroed_));
  EXPECT_GE(second, first + 1'000'000);
  EXPECT_FALSE(slab_->GrowInPlace(first, 2'000'000));
  EXPECT_TRUE(slab_->GrowInPlace(second, 300'000));
}

TEST_F(SlabTest, LargeBlocksBeginAtDifferentPlacesOfAPage) {
  std::set<uint64_t> places;
  for (int i = 0; i < 32; ++i)
    places.insert(reinterpret_cast<uint64_t>(slab_->Allocate(100'000, 64, &zeroed_)) % 4096);
  EXPECT_GT(places.size(), 24u);
  EXPECT_EQ(reinterpret_cast<uint64_t>(slab_->Allocate(100'000, 4096, &zeroed_)) % 4096, 0u);
}

}  // namespace
}  // namespace tidemark::recorder
