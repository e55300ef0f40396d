#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "v8heap/detached.h"
#include "v8heap/made_snapshot.h"
#include "v8heap/path_clusters.h"
#include "v8heap/snapshot_diff.h"
#include "v8heap/snapshot_reader.h"

namespace tidemark::v8heap {
namespace {

using heapgraph::ObjectId;
using ::testing::HasSubstr;

// A snapshot worked out.
struct Worked {
  explicit Worked(MadeSnapshot made) {
    const std::string text = made.Json();
    auto source = OpenV8Snapshot(BytesInMemory(std::as_bytes(std::span(text))));
    auto built = heapgraph::BuildGraph(**source, scratch);
    EXPECT_TRUE(built) << built.error().message;
    graph = std::move(*built);
    tree = std::move(*heapgraph::ComputeDominators(*graph, scratch));
    paths = std::move(*heapgraph::ShortestRootPaths(*graph, scratch));
  }
  heapgraph::HeapScratch scratch;
  std::unique_ptr<heapgraph::HeapGraph> graph;
  heapgraph::DominatorTree tree;
  heapgraph::RootPaths paths;
};

// root => global -> cache (Array, id 7) -> `ids`, each a Span of 100 bytes with a string of 20.
MadeSnapshot Cache(const std::vector<uint64_t>& ids, uint64_t cache_bytes = 32) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "global", 5, 40);
  made.Node("object", "Array", 7, cache_bytes);
  made.Edges(0, {{"shortcut", "1", 1}});
  made.Edges(1, {{"property", "cache", 2}});
  std::vector<MadeSnapshot::Edge> spans;
  for (const uint64_t id : ids) {
    const size_t span = made.Node("object", "Span", id, 100);
    const size_t text = made.Node("string", "", id + 10000, 20);
    made.Edges(span, {{"property", "name", text}});
    spans.push_back({"element", std::to_string(spans.size()), span});
  }
  made.Edges(2, spans);
  return made;
}

TEST(SnapshotDiff, KnowsWhatWasAllocatedFreedAndKept) {
  const Worked before(Cache({101, 103, 105})), after(Cache({103, 105, 107, 109}, 64));
  const auto diff = DiffSnapshots(*before.graph, *after.graph);
  ASSERT_TRUE(diff) << diff.error().message;
  EXPECT_EQ(diff->allocated.objects, 4u);
  EXPECT_EQ(diff->allocated.bytes, 240u);
  EXPECT_EQ(diff->freed.objects, 2u);
  EXPECT_EQ(diff->freed.bytes, 120u);
  EXPECT_EQ(diff->survived.objects, 6u);
  EXPECT_EQ(diff->allocated.objects + diff->survived.objects, after.graph->size() - 1);  // a holder
  EXPECT_EQ(diff->freed.objects + diff->survived.objects, before.graph->size() - 1);
  ASSERT_EQ(diff->classes.size(), 3u);
  EXPECT_EQ(diff->classes[0].name, "Span");
  EXPECT_EQ(diff->classes[0].bytes, 100);
  EXPECT_EQ(diff->classes[0].allocated.objects, 2u);
  EXPECT_EQ(diff->classes[0].freed.objects, 1u);
  EXPECT_EQ(diff->classes[1].name, "Array");  // survived and grew
  EXPECT_EQ(diff->classes[1].bytes, 32);
}

TEST(SnapshotDiff, SnapshotsWithoutIdsAreRefused) {
  MadeSnapshot twice = Cache({101});
  twice.Node("object", "Again", 101, 8);
  const Worked before(Cache({101})), after(twice);
  const auto diff = DiffSnapshots(*before.graph, *after.graph);
  ASSERT_FALSE(diff);
  EXPECT_THAT(diff.error().message, HasSubstr("later snapshot"));
}

TEST(SnapshotDiff, LeftoversCameWithTheActionAndStayed) {
  // 101 was there before, 103 and 105 came, 105 went, 107 is new.
  const Worked baseline(Cache({101})), target(Cache({101, 103, 105})), last(Cache({101, 103, 107}));
  const auto left = FindLeftovers(*baseline.graph, *target.graph, *last.graph, last.tree);
  ASSERT_TRUE(left) << left.error().message;
  ASSERT_EQ(left->objects.size(), 1u);  // its string is its own
  EXPECT_EQ(last.graph->address(left->objects[0]), 103u);
  EXPECT_EQ(left->all, 1u);
  EXPECT_EQ(left->retained_bytes, 120u);
}

TEST(Detached, ClassesAreListedByWhatTheyRetain) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "global", 3, 40);
  made.Node("native", "<div>", 2, 10, 2);
  made.Node("native", "Detached <p>", 4, 20, 2);
  made.Node("native", "<p>", 6, 30, 1);
  made.Node("string", "", 5, 100);
  made.Edges(0, {{"shortcut", "1", 1}});
  made.Edges(1, {{"property", "div", 2}, {"property", "p", 4}});
  made.Edges(2, {{"element", "0", 3}});
  made.Edges(3, {{"property", "text", 5}});
  Worked worked(made);
  const auto rows = DetachedClasses(*worked.graph, worked.tree, worked.scratch);
  ASSERT_TRUE(rows);
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].name, "Detached <div>");
  EXPECT_EQ((*rows)[0].retained_bytes, 130u);
  EXPECT_EQ((*rows)[1].name, "Detached <p>");
  EXPECT_EQ((*rows)[1].bytes, 20u);
  EXPECT_EQ((*rows)[1].retained_bytes, 0u) << "counted at the div that holds it";
}

std::vector<ObjectId> OfClass(const heapgraph::HeapGraph& graph, std::string_view name) {
  std::vector<ObjectId> found;
  for (ObjectId id = 0; id < graph.size(); ++id) {
    if (!graph.is_holder(id) && graph.types()[graph.type(id)].name == name) found.push_back(id);
  }
  return found;
}

TEST(PathClusters, ObjectsHeldAlikeAreOneCluster) {
  MadeSnapshot made = Cache({101, 103, 105});
  const size_t other = made.Node("object", "Listener", 201, 8);
  const size_t lone = made.Node("object", "Span", 203, 1000);
  made.Edges(0, {{"shortcut", "1", 1}, {"element", "2", other}});
  made.Edges(other, {{"property", "span", lone}});
  const Worked worked(made);
  const auto found =
      ClusterPaths(*worked.graph, worked.paths, worked.tree, OfClass(*worked.graph, "Span"));
  EXPECT_EQ(found.without_path + found.too_long + found.not_compared, 0u);
  ASSERT_EQ(found.clusters.size(), 2u);
  EXPECT_EQ(found.clusters[0].objects, 1u);
  EXPECT_EQ(found.clusters[0].retained_bytes, 1000u);
  EXPECT_EQ(found.clusters[1].objects, 3u);
  EXPECT_EQ(found.clusters[1].retained_bytes, 360u);
  ASSERT_EQ(found.clusters[1].path.size(), 4u);
  EXPECT_TRUE(worked.graph->is_holder(found.clusters[1].path[0].object));
  EXPECT_EQ(worked.graph->address(found.clusters[1].path[1].object), 5u);
}

TEST(PathClusters, OfManyHeldAlikeEveryOneIsCounted) {
  std::vector<uint64_t> ids;
  for (uint64_t i = 0; i < 20'000; ++i) ids.push_back(101 + 2 * i);
  const Worked worked(Cache(ids));
  const auto found =
      ClusterPaths(*worked.graph, worked.paths, worked.tree, OfClass(*worked.graph, "Span"));
  ASSERT_EQ(found.clusters.size(), 1u);
  EXPECT_EQ(found.clusters[0].objects, 20'000u);
  EXPECT_EQ(found.clusters[0].retained_bytes, 20'000u * 120);
}

// root => global -> each of `count` Spans by a name of its own.
MadeSnapshot NamedSpans(size_t count) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "global", 5, 40);
  made.Edges(0, {{"shortcut", "1", 1}});
  std::vector<MadeSnapshot::Edge> edges;
  for (size_t i = 0; i < count; ++i)
    edges.push_back(
        {"property", "p" + std::to_string(i), made.Node("object", "Span", 101 + 2 * i, 100)});
  made.Edges(1, edges);
  return made;
}

TEST(PathClusters, WhatComparisonsDoNotReachIsCounted) {
  const Worked worked(NamedSpans(10));
  ClusterSettings settings;
  settings.least_similarity = 0.99;  // every one is of its own kind
  settings.max_comparisons = 9;      // 0, then with the last one first 1 + 1, 1 + 2, 1 + 3
  const auto spans = OfClass(*worked.graph, "Span");
  const auto found = ClusterPaths(*worked.graph, worked.paths, worked.tree, spans, settings);
  EXPECT_EQ(found.clusters.size(), 4u);
  EXPECT_EQ(found.not_compared, 6u);
}

TEST(PathClusters, NamesOfTheirOwnCostOneComparisonEach) {
  const Worked worked(NamedSpans(1000));
  ClusterSettings settings;
  settings.least_similarity = 0.75;
  settings.max_comparisons = 999;
  const auto spans = OfClass(*worked.graph, "Span");
  const auto found = ClusterPaths(*worked.graph, worked.paths, worked.tree, spans, settings);
  ASSERT_EQ(found.clusters.size(), 1u);
  EXPECT_EQ(found.clusters[0].objects, 1000u);
}

TEST(PathClusters, LongPathsAreLeftOutAndCountedUnlessTheObjectIsLarge) {
  const Worked worked(Cache({101, 103, 105, 107, 109}));
  auto objects = OfClass(*worked.graph, "Span");
  objects.push_back(worked.graph->Find(10101));  // one step below a Span
  ClusterSettings settings;
  settings.max_steps = 1;
  const auto found = ClusterPaths(*worked.graph, worked.paths, worked.tree, objects, settings);
  EXPECT_EQ(found.too_long, 1u);
  settings.large_bytes = 1;
  EXPECT_EQ(ClusterPaths(*worked.graph, worked.paths, worked.tree, objects, settings).too_long, 0u);
}

TEST(PathClusters, SimilarityIsOneForAlikeAndFallsWithEveryDifference) {
  const Worked worked(Cache({101, 103}));
  const auto& graph = *worked.graph;
  const auto first = heapgraph::PathTo(worked.paths, graph.Find(101));
  const auto second = heapgraph::PathTo(worked.paths, graph.Find(103));
  const auto longer = heapgraph::PathTo(worked.paths, graph.Find(10101));
  EXPECT_DOUBLE_EQ(Similarity(graph, first, second), 1);
  EXPECT_DOUBLE_EQ(Similarity(graph, first, longer), 8.0 / 9);
  EXPECT_DOUBLE_EQ(Similarity(graph, longer, first), 8.0 / 9);
}

}  // namespace
}  // namespace tidemark::v8heap
