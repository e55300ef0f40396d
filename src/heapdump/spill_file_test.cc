#include "heapdump/spill_file.h"

#include <gtest/gtest.h>

#include <numeric>

#include "base/sanitizers.h"

namespace tidemark {
namespace {

using heapgraph::Array;
using heapgraph::GrowingArray;

constexpr uint64_t kMiB = uint64_t{1} << 20;

TEST(SpillFile, KeepsWhatIsWrittenWhileItStaysUnderItsLimit) {
  const uint64_t before = ResidentBytes();
  const uint64_t limit = before + 64 * kMiB;
  SpillFile spill(limit, testing::TempDir());
  auto array = Array<uint64_t>::Make(spill, 256 * kMiB / sizeof(uint64_t));
  ASSERT_TRUE(array) << array.error().message;
  uint64_t most = 0;
  for (uint64_t i = 0; i < array->size(); ++i) {
    (*array)[i] = i * 3;
    if (i % 4096 == 0) spill.Breathe();
    if (i % (1 << 20) == 0) most = std::max(most, ResidentBytes());
  }
  if (!kSanitized) {
    EXPECT_LT(most, limit + 16 * kMiB);
  }
  EXPECT_EQ(spill.peak_spilled_bytes(), 256 * kMiB);
  for (uint64_t i = 0; i < array->size(); i += 511) ASSERT_EQ((*array)[i], i * 3);
}

TEST(SpillFile, MovesAnArrayToAFileWhenItOutgrowsTheMemory) {
  SpillFile spill(8 * kMiB, testing::TempDir());
  GrowingArray<uint32_t> growing(spill);
  for (uint32_t i = 0; i < 10 * kMiB; ++i) {
    ASSERT_TRUE(growing.Reserve(1));
    growing.Push(i ^ 0x5555);
  }
  EXPECT_GT(spill.peak_spilled_bytes(), 40 * kMiB);
  auto array = growing.Finish();
  ASSERT_TRUE(array);
  ASSERT_EQ(array->size(), 10 * kMiB);
  for (uint32_t i = 0; i < array->size(); ++i) ASSERT_EQ((*array)[i], i ^ 0x5555);
}

TEST(SpillFile, SaysWhatToDoWhenTheDirectoryIsNotThere) {
  SpillFile spill(0, "/nonexistent");
  const auto refused = spill.Allocate(4096);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("/nonexistent"), std::string::npos);
  EXPECT_NE(refused.error().message.find("TMPDIR"), std::string::npos);
}

}  // namespace
}  // namespace tidemark
