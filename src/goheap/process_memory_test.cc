#include "goheap/process_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace tidemark::goheap {
namespace {

// Our own memory, which /proc has as well as another's.
class OwnPages {
 public:
  explicit OwnPages(size_t bytes) : bytes_(bytes) {
    data_ = static_cast<char*>(
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    madvise(data_, bytes, MADV_NOHUGEPAGE);
  }
  ~OwnPages() { munmap(data_, bytes_); }
  char* data() { return data_; }
  uint64_t address() const { return reinterpret_cast<uint64_t>(data_); }
  AddressRange range() const { return {address(), address() + bytes_}; }

 private:
  const size_t bytes_;
  char* data_;
};

TEST(JoinRangesTest, ThoseThatTouchOrAreNearBecomeOne) {
  EXPECT_EQ(JoinRanges({{30, 40}, {10, 20}, {20, 25}, {12, 15}, {7, 7}}, 0),
            (std::vector<AddressRange>{{10, 25}, {30, 40}}));
  EXPECT_EQ(JoinRanges({{10, 20}, {25, 30}, {40, 50}}, 5),
            (std::vector<AddressRange>{{10, 30}, {40, 50}}));
}

class CopyTest : public testing::TestWithParam<const char*> {};

TEST_P(CopyTest, HoldsWhatMemoryWasAndZerosWhereItWasNeverTouched) {
  constexpr size_t kBytes = 24 << 20;
  OwnPages pages(kBytes);
  std::strcpy(pages.data() + 5, "begin");
  std::strcpy(pages.data() + kBytes / 2, "middle");
  std::strcpy(pages.data() + kBytes - 4, "end");
  auto memory = ProcessMemory::Open(getpid());
  ASSERT_TRUE(memory) << memory.error().message;
  auto space = CopySpace::Make(kBytes, GetParam());
  ASSERT_TRUE(space) << space.error().message;
  const auto copied = (*memory)->Copy({pages.range()}, std::move(*space), 3);
  ASSERT_TRUE(copied) << copied.error().message;
  EXPECT_EQ((*memory)->unreadable_bytes(), 0u);
  EXPECT_LT((*memory)->copied_bytes(), kBytes / 4);
  std::memset(pages.data(), 'x', kBytes);
  const auto* copy = reinterpret_cast<const char*>((*memory)->View(pages.address(), kBytes));
  ASSERT_NE(copy, nullptr);
  EXPECT_STREQ(copy + 5, "begin");
  EXPECT_STREQ(copy + kBytes / 2, "middle");
  EXPECT_STREQ(copy + kBytes - 4, "end");
  EXPECT_EQ(std::count(copy, copy + kBytes, '\0'), static_cast<long>(kBytes - 14));
}

INSTANTIATE_TEST_SUITE_P(InMemoryAndInAFile, CopyTest, testing::Values("", P_tmpdir));

TEST(ProcessMemoryTest, HolesAreCountedAndReadAsZeros) {
  constexpr size_t kBytes = 1 << 16;
  OwnPages pages(kBytes);
  std::memset(pages.data(), 'x', kBytes);
  munmap(pages.data() + 8192, 4096);
  auto memory = ProcessMemory::Open(getpid());
  ASSERT_TRUE(memory);
  auto space = CopySpace::Make(kBytes, "");
  ASSERT_TRUE(space);
  ASSERT_TRUE((*memory)->Copy({pages.range()}, std::move(*space), 1));
  EXPECT_EQ((*memory)->unreadable_bytes(), 4096u);
  const std::byte* copy = (*memory)->View(pages.address(), kBytes);
  EXPECT_EQ(copy[8191], std::byte{'x'});
  EXPECT_EQ(copy[8192], std::byte{0});
  EXPECT_EQ(copy[12288], std::byte{'x'});
}

TEST(ProcessMemoryTest, ACopyThatIsTooLargeIsRefused) {
  OwnPages pages(1 << 16);
  auto memory = ProcessMemory::Open(getpid());
  ASSERT_TRUE(memory);
  auto space = CopySpace::Make(1 << 15, "");
  ASSERT_TRUE(space);
  const auto copied = (*memory)->Copy({pages.range()}, std::move(*space), 1);
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code, ErrorCode::kResourceExhausted);
  EXPECT_FALSE(CopySpace::Make(4096, "/nonexistent"));
}

TEST(ProcessMemoryTest, BlocksStayAsTheyWereFetchedAndNoneIsFetchedOnceSettled) {
  OwnPages pages(1 << 18);
  std::strcpy(pages.data(), "before");
  auto memory = ProcessMemory::Open(getpid());
  ASSERT_TRUE(memory);
  (*memory)->Touch(pages.address(), 16);
  std::strcpy(pages.data(), "after!");
  (*memory)->Settle();
  char text[7] = {};
  ASSERT_TRUE((*memory)->Read(pages.address(), std::as_writable_bytes(std::span(text, 6))));
  EXPECT_STREQ(text, "before");
  EXPECT_FALSE((*memory)->Load<uint64_t>(pages.address() + (1 << 17)).has_value());
}

TEST(ProcessMemoryTest, APageThatIsNotThereIsNotRead) {
  OwnPages pages(1 << 18);
  pages.data()[0] = pages.data()[3 * 4096] = 'x';
  munmap(pages.data() + 4096, 4096);
  auto memory = ProcessMemory::Open(getpid());
  ASSERT_TRUE(memory);
  EXPECT_EQ((*memory)->Load<char>(pages.address() + 4095), 0);
  EXPECT_FALSE((*memory)->Load<char>(pages.address() + 4096).has_value());
  EXPECT_EQ((*memory)->Load<char>(pages.address() + 3 * 4096), 'x');
  EXPECT_FALSE((*memory)->Load<uint64_t>(pages.address() + 4092).has_value());
}

}  // namespace
}  // namespace tidemark::goheap
