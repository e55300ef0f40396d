#include "heapgraph/numbering.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "heapgraph/made_heap.h"

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kLarge = uint64_t{5} << 30;  // more than 32 bits hold

struct Made {
  uint64_t address, bytes, target;
};

// Objects one behind the other, with gaps, each referring to another.
std::vector<Made> InOrder(size_t count, std::mt19937_64& random) {
  std::vector<Made> objects;
  uint64_t address = 0x1000;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t bytes = i == count / 2 ? kLarge : 8 + random() % 8 * 8;
    objects.push_back({address, bytes, 0});
    address += bytes + random() % 3 * 8;
  }
  for (Made& each : objects) each.target = objects[random() % count].address;
  return objects;
}

// The graph of what is told in this order has what stands first wherever objects overlap.
void ExpectNumbered(const std::vector<Made>& told) {
  MadeHeap heap;
  for (const Made& each : told) {
    heap.Object(each.address, each.bytes, 0, {{each.target, ""}, {0x10, "nowhere"}});
  }
  heap.Global("one", {{told.front().address, ""}});
  heap.Global("other", {{told.back().address, ""}});
  auto sorted = told;
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Made& a, const Made& b) { return a.address < b.address; });
  std::vector<Made> expected;
  uint64_t bytes = 0;
  for (const Made& each : sorted) {
    if (!expected.empty() && (each.address < expected.back().address + expected.back().bytes ||
                              each.address == expected.back().address))
      continue;
    expected.push_back(each);
    bytes += each.bytes;
  }
  HeapScratch scratch;
  const auto built = BuildGraph(heap, scratch);
  ASSERT_TRUE(built) << built.error().message;
  const HeapGraph& graph = **built;
  ASSERT_EQ(graph.object_count(), expected.size());
  ASSERT_EQ(graph.size(), expected.size() + 2);
  EXPECT_EQ(graph.holder(graph.object_count()).name, "one");
  EXPECT_EQ(graph.bytes(), bytes);
  EXPECT_EQ(graph.losses().overlapping_objects, told.size() - expected.size());
  for (ObjectId id = 0; id < graph.object_count(); ++id) {
    ASSERT_EQ(graph.address(id), expected[id].address) << id;
    ASSERT_EQ(graph.bytes(id), expected[id].bytes) << id;
    const ObjectId target = graph.Find(expected[id].target);
    const bool kept = target != kNoObject && target != id;
    ASSERT_EQ(graph.targets(id).size(), kept ? 1u : 0u) << id;
    ASSERT_TRUE(!kept || graph.targets(id)[0] == target) << id;
  }
}

// Takes `count` objects out of their places and tells them at random ones.
std::vector<Made> WithStrays(std::vector<Made> objects, size_t count, std::mt19937_64& random) {
  for (size_t i = 0; i < count; ++i) {
    const auto from = objects.begin() + static_cast<ptrdiff_t>(random() % objects.size());
    const Made stray = *from;
    objects.erase(from);
    objects.insert(objects.begin() + static_cast<ptrdiff_t>(random() % (objects.size() + 1)),
                   stray);
  }
  return objects;
}

TEST(Numbering, OfObjectsInOrderAndOfFewStrays) {
  std::mt19937_64 random(1);
  for (const size_t count : {1, 2, 3, 100, 5000}) {
    ExpectNumbered(InOrder(count, random));
    for (const size_t strays : {1, 2, 7, 60}) {
      ExpectNumbered(WithStrays(InOrder(count, random), strays, random));
    }
    auto objects = InOrder(count, random);
    std::reverse(objects.begin(), objects.end());
    ExpectNumbered(objects);
  }
}

// What an allocator's regions tell first and last: strays before, behind and around the rest.
TEST(Numbering, OfStraysAtTheEnds) {
  std::mt19937_64 random(2);
  const auto objects = InOrder(1000, random);
  for (const size_t ahead : {1, 2, 40}) {
    auto told = objects;
    std::rotate(told.begin(), told.end() - static_cast<ptrdiff_t>(ahead), told.end());
    ExpectNumbered(told);
    told = objects;
    std::rotate(told.begin(), told.begin() + static_cast<ptrdiff_t>(ahead), told.end());
    ExpectNumbered(told);
    std::reverse(told.begin(), told.begin() + static_cast<ptrdiff_t>(ahead));
    ExpectNumbered(told);
  }
}

TEST(Numbering, OfManyRegionsInAnyOrder) {
  std::mt19937_64 random(3);
  const auto objects = InOrder(40'000, random);
  for (const size_t region : {1, 20, 1000}) {
    std::vector<size_t> regions(objects.size() / region);
    for (size_t i = 0; i < regions.size(); ++i) regions[i] = i * region;
    std::shuffle(regions.begin(), regions.end(), random);
    std::vector<Made> told;
    for (const size_t begin : regions) {
      told.insert(told.end(), objects.begin() + static_cast<ptrdiff_t>(begin),
                  objects.begin() + static_cast<ptrdiff_t>(begin + region));
    }
    ExpectNumbered(told);
  }
}

TEST(Numbering, LeavesOutWhatOverlapsWhereverItIsTold) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 30; ++round) {
    auto objects = InOrder(300, random);
    for (int i = 0; i < 3; ++i) {
      Made& each = objects[random() % objects.size()];
      if (each.bytes != kLarge) (round % 2 == 0 ? each.bytes += 24 : each.address += 8);
    }
    ExpectNumbered(round % 3 == 0 ? objects : WithStrays(objects, 5, random));
  }
}

}  // namespace
}  // namespace tidemark::heapgraph
