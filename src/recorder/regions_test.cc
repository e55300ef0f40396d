#include "recorder/regions.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>

namespace tidemark::recorder {
namespace {

constexpr uint64_t kMiB = 1 << 20;

class RegionsTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "regionsXXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    ASSERT_EQ(ledger_.Create({.folder = folder.c_str(), .sample_bytes = 1}),
              ledger::OffReason::kNone);
  }
  void TearDown() override { ledger_.Exit(); }

  uint32_t Map(uint64_t address, uint64_t bytes) {
    ledger::LiveSample sample{};
    sample.address = address;
    sample.size = bytes;
    sample.interval_shift = ledger::kExactShift;
    const uint32_t slot = ledger_.AddLive(sample);
    regions_.Add(address, bytes, slot);
    return slot;
  }
  uint64_t LiveBytes() {
    uint64_t sum = 0;
    for (uint32_t slot = 0; slot < ledger_.live_used(); ++slot) {
      if (ledger_.live_address(slot) != 0) sum += ledger_.live_size(slot);
    }
    return sum;
  }

  LedgerWriter ledger_;
  Regions regions_;
};

TEST_F(RegionsTest, AWholeRegionGoes) {
  Map(kMiB, 2 * kMiB);
  EXPECT_TRUE(regions_.Remove(kMiB, 2 * kMiB, &ledger_));
  EXPECT_EQ(LiveBytes(), 0u);
  EXPECT_FALSE(regions_.Remove(kMiB, 2 * kMiB, &ledger_));
}

TEST_F(RegionsTest, ARegionShrinksByWhatItLoses) {
  Map(10 * kMiB, 10 * kMiB);
  regions_.Remove(8 * kMiB, 4 * kMiB, &ledger_);  // its first 2
  EXPECT_EQ(LiveBytes(), 8 * kMiB);
  regions_.Remove(19 * kMiB, kMiB, &ledger_);  // its last
  EXPECT_EQ(LiveBytes(), 7 * kMiB);
  regions_.Remove(14 * kMiB, 2 * kMiB, &ledger_);  // a hole
  EXPECT_EQ(LiveBytes(), 5 * kMiB);
  EXPECT_FALSE(regions_.Remove(19 * kMiB, kMiB, &ledger_));
}

TEST_F(RegionsTest, OneCallMayUnmapSeveral) {
  Map(10 * kMiB, kMiB);
  Map(11 * kMiB, kMiB);
  Map(20 * kMiB, kMiB);
  regions_.Remove(0, 12 * kMiB, &ledger_);
  EXPECT_EQ(LiveBytes(), kMiB);
}

TEST_F(RegionsTest, AFullTableTakesNoMore) {
  for (uint64_t i = 1; i <= Regions::kCapacity; ++i) Map(i * kMiB, kMiB);
  EXPECT_TRUE(regions_.full());
  regions_.Remove(kMiB, kMiB, &ledger_);
  EXPECT_FALSE(regions_.full());
}

}  // namespace
}  // namespace tidemark::recorder
