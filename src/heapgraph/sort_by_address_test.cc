#include "heapgraph/sort_by_address.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tidemark::heapgraph {
namespace {

using Records = std::vector<ObjectRecord>;

// `bytes` numbers them, so that the order of equal addresses shows.
Records Numbered(const std::vector<uint64_t>& addresses) {
  Records records;
  for (const uint64_t address : addresses) {
    records.push_back({address, static_cast<uint32_t>(records.size()), 0});
  }
  return records;
}

void ExpectSorted(const Records& given) {
  HeapScratch scratch;
  auto array = *Array<ObjectRecord>::Make(scratch, given.size());
  std::copy(given.begin(), given.end(), array.data());
  ASSERT_TRUE(SortByAddress(&array, scratch));
  Records expected = given;
  std::stable_sort(
      expected.begin(), expected.end(),
      [](const ObjectRecord& a, const ObjectRecord& b) { return a.address < b.address; });
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(array[i].address, expected[i].address) << i;
    ASSERT_EQ(array[i].bytes, expected[i].bytes) << i;
  }
}

TEST(SortByAddress, AnyOrderOfAnyAddresses) {
  std::mt19937_64 random(1);
  for (const int bits : {1, 8, 20, 48, 64}) {
    std::vector<uint64_t> addresses(5000);
    for (uint64_t& address : addresses) address = random() >> (64 - bits);
    ExpectSorted(Numbered(addresses));
  }
  ExpectSorted({});
}

// Regions in random order, as allocators' spans lie in a dump; each ascending, with equal
// addresses within and, where one meets the next, between them.
TEST(SortByAddress, RunsThatAreApartMeetOrOverlap) {
  std::mt19937_64 random(2);
  for (const uint64_t reach : {900, 9000, 10000, 13000}) {
    std::vector<uint64_t> regions(50);
    for (size_t i = 0; i < regions.size(); ++i) regions[i] = 10000 * i;
    std::shuffle(regions.begin(), regions.end(), random);
    std::vector<uint64_t> addresses;
    for (const uint64_t region : regions) {
      std::vector<uint64_t> run;
      for (int i = 0; i < 100; ++i) run.push_back(region + random() % reach);
      run.push_back(region);
      run.push_back(region + reach);
      std::sort(run.begin(), run.end());
      addresses.insert(addresses.end(), run.begin(), run.end());
    }
    ExpectSorted(Numbered(addresses));
  }
}

}  // namespace
}  // namespace tidemark::heapgraph
