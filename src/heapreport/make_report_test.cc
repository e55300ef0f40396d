// From heaps made by hand to their reports.
#include "heapreport/make_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "heapgraph/made_heap.h"

namespace tidemark {
namespace {

using heapgraph::MadeHeap;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

HeapAnalysis Analyzed(MadeHeap& heap) {
  HeapAnalysis analysis;
  analysis.scratch = std::make_unique<heapgraph::HeapScratch>();
  auto& scratch = *analysis.scratch;
  analysis.graph = *BuildGraph(heap, scratch);
  analysis.tree = *ComputeDominators(*analysis.graph, scratch);
  analysis.retaining = *BuildRetainingTree(*analysis.graph, analysis.tree, scratch);
  analysis.types = *TypeHistogram(*analysis.graph, analysis.tree, scratch);
  analysis.suspects = FindSuspects(*analysis.graph, analysis.tree, scratch);
  EXPECT_TRUE(AddPaths(*analysis.graph, scratch, {}, &analysis.suspects));
  analysis.file = "made.dump";
  return analysis;
}

// main.cache -> map -> buckets (its inside) -> `spans` spans, each with two attributes; beside it
// something two globals share, and garbage.
MadeHeap LeakyHeap(int spans) {
  MadeHeap heap;
  heap.Type(1, "map[string]trace.Span");
  heap.Type(2, "buckets", true);
  heap.Type(3, "trace.recordingSpan");
  heap.Type(4, "attribute.KeyValue");
  heap.Type(5, "main.config");
  std::vector<MadeHeap::Edge> in_bucket;
  for (int i = 0; i < spans; ++i) {
    const uint64_t at = 0x100000 + static_cast<uint64_t>(i) * 0x400;
    heap.Object(at, 0x200, 3, {{at + 0x200, "attributes"}, {at + 0x280, "links"}});
    heap.Object(at + 0x200, 0x80, 4);
    heap.Object(at + 0x280, 0x80, 4);
    in_bucket.push_back({at, ""});
  }
  heap.Object(0x1000, 48, 1, {{0x2000, ""}});
  heap.Object(0x2000, 0x800, 2, in_bucket);
  heap.Object(0x8000, 1000, 5);
  heap.Object(0x9000, 500, 5);
  heap.Global("main.cache", {{0x1000, ""}});
  heap.Global("main.one", {{0x8000, ""}});
  heap.Global("main.two", {{0x8000, ""}});
  return heap;
}

TEST(MakeReportTest, TheChainGoesFromTheGlobalToWhatPilesUp) {
  MadeHeap heap = LeakyHeap(500);
  const HeapReport report = MakeHeapReport(Analyzed(heap));
  ASSERT_THAT(report.suspects, testing::SizeIs(1));
  EXPECT_THAT(report.suspects[0].chain,
              ElementsAre("main.cache", "map[string]trace.Span", "trace.recordingSpan"));
  EXPECT_EQ(report.suspects[0].objects, 500u);
  EXPECT_THAT(report.headline, HasSubstr("is held by main.cache -> map[string]trace.Span -> "
                                         "trace.recordingSpan: 500 objects."));
  ASSERT_THAT(report.suspects[0].path, testing::SizeIs(testing::Ge(2)));
  EXPECT_EQ(report.suspects[0].path[0].what, "main.cache");
}

TEST(MakeReportTest, EveryByteIsOwnedSharedOrGarbage) {
  MadeHeap heap = LeakyHeap(500);
  const HeapReport report = MakeHeapReport(Analyzed(heap));
  EXPECT_THAT(report.broken, IsEmpty());
  EXPECT_EQ(report.shared_bytes, 1000u);
  EXPECT_EQ(report.garbage_bytes, 500u);
  EXPECT_EQ(report.owned_bytes, 500u * 0x300 + 48 + 0x800);
  EXPECT_EQ(report.objects, 500u * 3 + 4);
}

TEST(MakeReportTest, SpansOfAnOwnerAreInItsSentence) {
  MadeHeap heap = LeakyHeap(500);
  HeapAnalysis analysis = Analyzed(heap);
  SpansUnder under;
  under.owner = analysis.suspects[0].object;
  under.spans.spans = 500;
  under.spans.ended = 499;
  analysis.spans.push_back(under);
  const HeapReport report = MakeHeapReport(analysis);
  EXPECT_THAT(report.headline, HasSubstr("trace.recordingSpan: 500 spans, 499 of them ended."));
  EXPECT_THAT(report.spans.at(0).chain,
              ElementsAre("main.cache", "map[string]trace.Span", "trace.recordingSpan"));
}

TEST(MakeReportTest, ASmallTreeKeepsItsSumsWithTheRestInOne) {
  MadeHeap heap;
  for (uint64_t i = 0; i < 50; ++i) {
    heap.Type(i + 1, "type" + std::to_string(i));
    heap.Object(0x1000 * (i + 1), 100 + i, i + 1);
    heap.Global("main.g" + std::to_string(i), {{0x1000 * (i + 1), ""}});
  }
  const HeapReport report = MakeHeapReport(Analyzed(heap), {.nodes = 20});
  EXPECT_LE(report.tree.size(), 42u);  // 20 nodes and one for the rest below some of them
  std::vector<uint64_t> below(report.tree.size(), 0);
  for (size_t i = 1; i < report.tree.size(); ++i)
    below[report.tree[i].parent] += report.tree[i].retained_bytes;
  for (size_t i = 0; i < report.tree.size(); ++i) {
    const ReportNode& node = report.tree[i];
    EXPECT_EQ(node.retained_bytes, node.bytes + below[i]) << node.name;
  }
  EXPECT_EQ(report.tree[0].retained_bytes, report.reachable_bytes());
}

TEST(MakeReportTest, TwoHeapsSayWhatGrew) {
  MadeHeap small = LeakyHeap(100), large = LeakyHeap(600);
  const HeapReport report = MakeGrowthReport(Analyzed(small), Analyzed(large));
  ASSERT_TRUE(report.growth);
  EXPECT_EQ(report.growth->bytes, 500 * 0x300);
  EXPECT_TRUE(HasFinding(report));
  EXPECT_THAT(report.headline, HasSubstr("The heap grew by 375 KiB"));
  EXPECT_THAT(report.headline, HasSubstr("is held by main.cache"));
  EXPECT_THAT(report.headline, HasSubstr("trace.recordingSpan, 500 more of them than before."));
}

TEST(MakeReportTest, AnEmptyHeapHasAReportToo) {
  MadeHeap heap;
  const HeapReport report = MakeHeapReport(Analyzed(heap));
  EXPECT_EQ(report.headline, "The dump has no objects.");
  EXPECT_THAT(report.broken, IsEmpty());
  EXPECT_FALSE(HasFinding(report));
}

TEST(MakeReportTest, WithoutItsRootsADamagedHeapIsNotCalledGarbage) {
  MadeHeap heap;
  heap.Object(0x1000, 48, 0);
  heap.damage = "ends at offset 77 in record 3";
  EXPECT_THAT(MakeHeapReport(Analyzed(heap)).headline,
              HasSubstr("No root was read that reaches one of its 1 objects (48 B)"));
}

TEST(MakeReportTest, DamageIsInTheHeadline) {
  MadeHeap heap = LeakyHeap(20);
  heap.damage = "ends at offset 77 in record 3";
  const HeapReport report = MakeHeapReport(Analyzed(heap));
  EXPECT_THAT(report.headline, testing::StartsWith("PARTIAL: "));
  EXPECT_EQ(report.damage, "ends at offset 77 in record 3");
}

}  // namespace
}  // namespace tidemark
