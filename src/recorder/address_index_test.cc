#include "recorder/address_index.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <unordered_map>

namespace tidemark::recorder {
namespace {

TEST(AddressIndexTest, IsWhatAMapWouldBe) {
  const auto index = std::make_unique<AddressIndex>();
  std::unordered_map<uint64_t, uint32_t> map;
  std::mt19937_64 random(7);
  for (uint32_t i = 0; i < 400'000; ++i) {
    const uint64_t address = 0x7f0000000000 + random() % 90'000 * 16;
    const auto known = map.find(address);
    const uint32_t before = known == map.end() ? AddressIndex::kNoSlot : known->second;
    if (random() % 2 == 0 || map.size() == ledger::kLiveCapacity) {
      ASSERT_EQ(index->Remove(address), before);
      map.erase(address);
    } else {
      ASSERT_EQ(index->Set(address, i), before);
      map[address] = i;
    }
  }
  for (const auto& [address, slot] : map) ASSERT_EQ(index->Remove(address), slot);
}

TEST(AddressIndexTest, AClearedIndexKnowsNothing) {
  const auto index = std::make_unique<AddressIndex>();
  for (uint64_t i = 1; i <= 1000; ++i) index->Set(i * 64, 1);
  index->Clear();
  for (uint64_t i = 1; i <= 1000; ++i) ASSERT_EQ(index->Remove(i * 64), AddressIndex::kNoSlot);
}

}  // namespace
}  // namespace tidemark::recorder
