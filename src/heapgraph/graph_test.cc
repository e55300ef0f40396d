#include "heapgraph/graph.h"

#include <gtest/gtest.h>

#include <random>

#include "heapgraph/made_heap.h"

namespace tidemark::heapgraph {
namespace {

std::unique_ptr<HeapGraph> Build(MadeHeap& heap, Scratch& scratch) {
  auto graph = BuildGraph(heap, scratch);
  EXPECT_TRUE(graph) << graph.error().message;
  return std::move(*graph);
}

TEST(HeapGraph, NumbersObjectsByAddressAndHoldersBehindThem) {
  HeapScratch scratch;
  MadeHeap heap;
  heap.Type(7, "Node");
  heap.Object(0x3000, 32, 7);
  heap.Object(0x1000, 16, 7, {{0x3000, "next"}});
  heap.Object(0x2000, 64, 0);
  heap.Global("main.cache", {{0x1000, ""}});
  const auto graph = Build(heap, scratch);
  ASSERT_EQ(graph->size(), 4u);
  EXPECT_EQ(graph->holder(3).name, "main.cache");
  EXPECT_EQ(graph->address(0), 0x1000u);
  EXPECT_EQ(graph->address(2), 0x3000u);
  EXPECT_EQ(graph->types()[graph->type(0)].name, "Node");
  EXPECT_EQ(graph->types()[graph->type(1)].name, "(unknown)");
  ASSERT_EQ(graph->targets(3).size(), 1u);
  EXPECT_EQ(graph->targets(3)[0], 0u);
  ASSERT_EQ(graph->targets(0).size(), 1u);
  EXPECT_EQ(graph->targets(0)[0], 2u);
  EXPECT_EQ(graph->LabelText(Label::FromBits(graph->labels(0)[0])), ".next");
}

TEST(HeapGraph, FindsTheObjectThatCoversAnAddress) {
  HeapScratch scratch;
  MadeHeap heap;
  heap.Object(0x1000, 16, 0);
  heap.Object(0x1010, 0, 0);
  heap.Object(0x7f0000000000, 4096, 0);               // far away: a region of its own
  heap.Object(0x100000000000, uint64_t{5} << 30, 0);  // more than 32 bits hold
  const auto graph = Build(heap, scratch);
  EXPECT_EQ(graph->Find(0xfff), kNoObject);
  EXPECT_EQ(graph->Find(0x1000), 0u);
  EXPECT_EQ(graph->Find(0x100f), 0u);
  EXPECT_EQ(graph->Find(0x1010), 1u);
  EXPECT_EQ(graph->Find(0x1011), kNoObject);
  EXPECT_EQ(graph->Find(0x100000000000 + (uint64_t{5} << 30) - 1), 2u);
  EXPECT_EQ(graph->Find(0x100000000000 + (uint64_t{5} << 30)), kNoObject);
  EXPECT_EQ(graph->Find(0x7f0000000fff), 3u);
  EXPECT_EQ(graph->Find(~uint64_t{0}), kNoObject);
  EXPECT_EQ(graph->bytes(2), uint64_t{5} << 30);
}

// Too sparse for a bit for each place, and not aligned; a dense stretch lies beside them.
TEST(HeapGraph, FindsObjectsThatLieFarApart) {
  HeapScratch scratch;
  MadeHeap heap;
  constexpr uint64_t kApart = uint64_t{50} << 20, kFar = 40, kDense = 1000;
  const uint64_t dense = uint64_t{1} << 40;
  for (uint64_t i = 0; i < kFar; ++i) heap.Object(0x1001 + i * kApart, 100, 0);
  for (uint64_t i = 0; i < kDense; ++i) heap.Object(dense + i * 48, 40, 0);
  const auto graph = Build(heap, scratch);
  for (uint64_t i = 0; i < kFar; ++i) {
    const uint64_t address = 0x1001 + i * kApart;
    EXPECT_EQ(graph->Find(address), i);
    EXPECT_EQ(graph->Find(address + 99), i);
    EXPECT_EQ(graph->Find(address + 100), kNoObject);
    EXPECT_EQ(graph->Find(address - 1), kNoObject);
  }
  for (uint64_t i = 0; i < kDense; ++i) {
    EXPECT_EQ(graph->Find(dense + i * 48), kFar + i);
    EXPECT_EQ(graph->Find(dense + i * 48 + 39), kFar + i);
    EXPECT_EQ(graph->Find(dense + i * 48 + 40), kNoObject);
  }
}

TEST(HeapGraph, FindsEveryObjectOfRandomHeaps) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 200; ++round) {
    HeapScratch scratch;
    MadeHeap heap;
    std::vector<std::pair<uint64_t, uint64_t>> objects;
    uint64_t address = random() % 100000;
    for (uint64_t i = random() % 2000; i > 0; --i) {
      const uint64_t bytes = 1 + random() % (random() % 20 == 0 ? 100000 : 64);
      objects.emplace_back(address, bytes);
      const uint64_t gap = random() % 50 == 0 ? random() % (uint64_t{1} << 34) : random() % 16;
      address += bytes + gap;
    }
    std::shuffle(objects.begin(), objects.end(), random);
    for (const auto& [at, bytes] : objects) heap.Object(at, bytes, 0);
    const auto graph = Build(heap, scratch);
    ASSERT_EQ(graph->size(), objects.size());
    for (const auto& [at, bytes] : objects) {
      const ObjectId id = graph->Find(at);
      ASSERT_NE(id, kNoObject);
      ASSERT_EQ(graph->address(id), at);
      ASSERT_EQ(graph->Find(at + bytes - 1), id);
      const ObjectId behind = graph->Find(at + bytes);
      ASSERT_TRUE(behind == kNoObject || graph->address(behind) == at + bytes);
    }
  }
}

TEST(HeapGraph, CountsWhatPointsNowhere) {
  HeapScratch scratch;
  MadeHeap heap;
  heap.Object(0x1000, 16, 0, {{0, ""}, {0x1000, ""}, {0x5000, ""}, {0x1008, ""}});
  heap.Root(0x9999);
  heap.Extra(0x4444, {0x1000, ""});
  const auto graph = Build(heap, scratch);
  EXPECT_EQ(graph->edge_count(), 0u);  // nil and itself are dropped
  EXPECT_EQ(graph->losses().dangling_references, 1u);
  EXPECT_EQ(graph->losses().unknown_sources, 2u);
}

TEST(HeapGraph, LeavesOutObjectsThatOverlap) {
  HeapScratch scratch;
  MadeHeap heap;
  heap.Object(0x1000, 32, 0);
  heap.Object(0x1000, 16, 0);
  heap.Object(0x1008, 64, 0);
  heap.Object(0x1020, 16, 0);
  const auto graph = Build(heap, scratch);
  EXPECT_EQ(graph->size(), 2u);
  EXPECT_EQ(graph->losses().overlapping_objects, 2u);
}

TEST(HeapGraph, ObjectsNamedByIdsDoNotOverlap) {
  HeapScratch scratch;
  MadeHeap heap;
  heap.Fact(std::string(kAddressesAreIds.key), std::string(kAddressesAreIds.value));
  heap.Object(1, 64, 0, {{3, "next"}});
  heap.Object(3, 4096, 0);
  const auto graph = Build(heap, scratch);
  EXPECT_EQ(graph->losses().overlapping_objects, 0u);
  ASSERT_EQ(graph->size(), 2u);
  EXPECT_EQ(graph->bytes(1), 4096u);
  EXPECT_EQ(graph->targets(0)[0], 1u);
}

TEST(HeapGraph, AddsReferencesToldApart) {
  HeapScratch scratch;
  MadeHeap heap;
  heap.Object(0x1000, 16, 0, {{0x2000, "a"}});
  heap.Object(0x2000, 16, 0);
  heap.Object(0x3000, 16, 0);
  heap.Extra(0x1000, {0x3000, "local"});
  heap.Root(0x1000);
  heap.Root(0x1008);
  const auto graph = Build(heap, scratch);
  ASSERT_EQ(graph->targets(0).size(), 2u);
  EXPECT_EQ(graph->targets(0)[1], 2u);
  EXPECT_EQ(graph->LabelText(Label::FromBits(graph->labels(0)[1])), ".local");
  EXPECT_EQ(graph->edge_count(), 2u);
  EXPECT_EQ(graph->roots().size(), 1u);
}

}  // namespace
}  // namespace tidemark::heapgraph
