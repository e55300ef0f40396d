#include "goheap/name_numbers.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace tidemark::goheap {
namespace {

TEST(NameNumbers, AreThoseOfAMap) {
  NameNumbers numbers;
  std::map<std::pair<uint64_t, uint64_t>, uint32_t> expected;
  std::mt19937_64 random(3);
  for (int i = 0; i < 200'000; ++i) {
    const NameAt name{0xc000000000 + 8 * (random() % 20'000), 1 + random() % 3};
    const auto next = static_cast<uint32_t>(expected.size() + 1);
    const auto entry = expected.try_emplace({name.address, name.length}, next).first;
    ASSERT_EQ(numbers.Number(name), entry->second);
  }
  ASSERT_EQ(numbers.names().size(), expected.size());
  for (const auto& [name, number] : expected) {
    EXPECT_EQ(numbers.names()[number - 1], (NameAt{name.first, name.second}));
  }
}

TEST(NameNumbers, BeyondTheMostHaveNone) {
  NameNumbers numbers;
  for (uint32_t i = 1; i <= NameNumbers::kMaxNames; ++i) {
    ASSERT_EQ(numbers.Number({16 * uint64_t{i}, 5}), i);
  }
  EXPECT_EQ(numbers.Number({8, 5}), 0u);
  EXPECT_EQ(numbers.Number({16 * 77, 5}), 77u);
}

}  // namespace
}  // namespace tidemark::goheap
