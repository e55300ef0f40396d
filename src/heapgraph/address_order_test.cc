#include "heapgraph/address_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tidemark::heapgraph {
namespace {

void ExpectSorted(const std::vector<uint64_t>& addresses) {
  HeapScratch scratch;
  std::vector<uint64_t> expected, visited;  // positions
  for (uint64_t i = 0; i < addresses.size(); ++i) expected.push_back(i);
  std::stable_sort(expected.begin(), expected.end(),
                   [&](uint64_t a, uint64_t b) { return addresses[a] < addresses[b]; });
  AscendingRuns runs;
  for (const uint64_t address : addresses) runs.Add(address, address);
  const auto order = AddressOrder::Make(addresses, runs.Take(), scratch);
  ASSERT_TRUE(order);
  order->ForEach(scratch, [&](uint64_t position) { visited.push_back(position); });
  ASSERT_EQ(visited, expected);
}

TEST(AddressOrder, OfAnyAddresses) {
  std::mt19937_64 random(1);
  for (const int bits : {1, 8, 20, 48, 64}) {
    std::vector<uint64_t> addresses(5000);
    for (uint64_t& address : addresses) address = random() >> (64 - bits);
    ExpectSorted(addresses);
  }
  ExpectSorted({});
}

// Regions in random order, as allocators' spans lie in a dump; each ascending, with equal
// addresses within and, where one meets the next, between them.
TEST(AddressOrder, OfRunsThatAreApartMeetOrOverlap) {
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
    ExpectSorted(addresses);
  }
}

}  // namespace
}  // namespace tidemark::heapgraph
