#include "heapgraph/suspects.h"

#include <gtest/gtest.h>

#include "heapgraph/growth.h"
#include "heapgraph/made_heap.h"

namespace tidemark::heapgraph {
namespace {

constexpr TypeKey kMap = 1, kBucket = 2, kSpan = 3, kText = 4, kOther = 5;

// main.cache -> map -> bucket -> `spans` spans with a text each; and something else beside it.
void MakeCache(MadeHeap* heap, int spans) {
  heap->Type(kMap, "map[string]trace.Span");
  heap->Type(kBucket, "bucket", true);
  heap->Type(kSpan, "*trace.recordingSpan");
  heap->Type(kText, "string");
  heap->Type(kOther, "main.config");
  std::vector<MadeHeap::Edge> held;
  for (int i = 0; i < spans; ++i) {
    const uint64_t span = 0x100000 + static_cast<uint64_t>(i) * 1024;
    heap->Object(span, 480, kSpan, {{span + 512, "name"}});
    heap->Object(span + 512, 32, kText);
    held.push_back({span, ""});
  }
  heap->Object(0x1000, 48, kMap, {{0x2000, "buckets"}});
  heap->Object(0x2000, 4096, kBucket, held);
  heap->Object(0x9000, 2000, kOther);
  heap->Global("main.cache", {{0x1000, ""}});
  heap->Global("main.settings", {{0x9000, ""}});
}

struct Analysed {
  explicit Analysed(int spans) {
    MadeHeap heap;
    MakeCache(&heap, spans);
    graph = std::move(*BuildGraph(heap, scratch));
    tree = *ComputeDominators(*graph, scratch);
    retaining = *BuildRetainingTree(*graph, tree, scratch);
    types = *TypeHistogram(*graph, tree, scratch);
    suspects = FindSuspects(*graph, tree, scratch);
    EXPECT_TRUE(AddPaths(*graph, scratch, {}, &suspects));
  }
  HeapSide side() const { return {*graph, tree, retaining, types}; }
  HeapScratch scratch;
  std::unique_ptr<HeapGraph> graph;
  DominatorTree tree;
  RetainingTree retaining;
  std::vector<TypeRow> types;
  std::vector<Suspect> suspects;
};

TEST(Suspects, NameTheGlobalThePlaceAndThePile) {
  const Analysed heap(100);
  const auto& suspects = heap.suspects;
  ASSERT_EQ(suspects.size(), 1u);
  const Suspect& suspect = suspects[0];
  EXPECT_EQ(heap.graph->holder(suspect.object).name, "main.cache");
  EXPECT_EQ(heap.graph->types()[heap.graph->type(suspect.accumulation)].name,
            "map[string]trace.Span");
  EXPECT_EQ(heap.graph->types()[suspect.piled_type].name, "*trace.recordingSpan");
  EXPECT_EQ(suspect.piled_objects, 100u);
  EXPECT_EQ(suspect.piled_bytes, 100u * 512);
  EXPECT_EQ(suspect.path.size(), 2u);
}

TEST(RetainingTree, FoldsContainersAndCountsUnderTheirOwner) {
  const Analysed heap(100);
  ASSERT_GE(heap.retaining.nodes.size(), 4u);
  uint64_t spans = 0, map_bytes = 0;
  for (const RetainingNode& node : heap.retaining.nodes) {
    if (node.holder != kNoObject) continue;
    const std::string& name = heap.graph->types()[node.type].name;
    if (name == "*trace.recordingSpan") spans = node.objects;
    if (name == "map[string]trace.Span") map_bytes = node.bytes;
    EXPECT_NE(name, "bucket");
  }
  EXPECT_EQ(spans, 100u);
  EXPECT_EQ(map_bytes, 48u + 4096);
}

TEST(Growth, NamesTheDeepestPathThatKeepsMostOfIt) {
  const Analysed before(100), after(300);
  const HeapGrowth growth = CompareHeaps(before.side(), after.side());
  EXPECT_EQ(growth.bytes, 200 * 512);
  EXPECT_EQ(growth.objects, 400);
  ASSERT_FALSE(growth.paths.empty());
  EXPECT_TRUE(growth.paths[0].suspect);
  const std::vector<std::string> path = {"main.cache", "map[string]trace.Span",
                                         "*trace.recordingSpan"};
  EXPECT_EQ(growth.paths[0].path, path);
  EXPECT_EQ(growth.paths[0].bytes, 200 * 512);
  ASSERT_FALSE(growth.types.empty());
  EXPECT_EQ(growth.types[0].type, "*trace.recordingSpan");
  EXPECT_EQ(growth.types[0].objects, 200);
}

TEST(Growth, OfTheSameHeapIsNothing) {
  const Analysed before(50), after(50);
  const HeapGrowth growth = CompareHeaps(before.side(), after.side());
  EXPECT_EQ(growth.bytes, 0);
  EXPECT_TRUE(growth.types.empty());
  EXPECT_TRUE(growth.paths.empty());
}

}  // namespace
}  // namespace tidemark::heapgraph
