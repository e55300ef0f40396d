// From snapshots written by hand to what a report says of their ids and detached nodes.
#include "heapdump/analyze_v8.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "heapdump/analyze.h"
#include "heapreport/make_report.h"
#include "v8heap/made_snapshot.h"

namespace tidemark {
namespace {

using testing::Contains;
using testing::HasSubstr;
using v8heap::MadeSnapshot;

HeapAnalysis Analyzed(MadeSnapshot made) {
  const std::string path =
      testing::TempDir() + "analyze_v8_" + std::to_string(getpid()) + ".heapsnapshot";
  std::ofstream(path) << made.Json();
  auto analysis = AnalyzeDump(path);
  std::filesystem::remove(path);
  EXPECT_TRUE(analysis) << analysis.error().message;
  return *std::move(analysis);
}

// root => global -> each of `ids`, objects of class `name` with 100 bytes.
MadeSnapshot Objects(const std::string& name, const std::vector<uint64_t>& ids) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "global", 5, 40);
  made.Edges(0, {{"shortcut", "1", 1}});
  std::vector<MadeSnapshot::Edge> edges;
  for (const uint64_t id : ids)
    edges.push_back({"property", "p" + std::to_string(id), made.Node("object", name, id, 100)});
  made.Edges(1, edges);
  return made;
}

TEST(AnalyzeV8, TwoSnapshotsOfAProcessSayWhatCameAndWent) {
  const HeapAnalysis before = Analyzed(Objects("Span", {101, 103, 105}));
  HeapAnalysis after = Analyzed(Objects("Span", {103, 105, 107, 109, 111}));
  CompareIds(before, &after);
  const HeapReport report = MakeGrowthReport(before, after);
  ASSERT_TRUE(report.since);
  EXPECT_EQ(report.since->allocated_objects, 3u);
  EXPECT_EQ(report.since->allocated_bytes, 300u);
  EXPECT_EQ(report.since->freed_objects, 1u);
  EXPECT_EQ(report.since->kept_objects, 3u);  // two of them and global
  ASSERT_FALSE(report.since->classes.empty());
  EXPECT_EQ(report.since->classes[0].name, "Span");
  EXPECT_EQ(report.since->classes[0].allocated_objects, 3u);
  EXPECT_EQ(report.since->classes[0].freed_objects, 1u);
  // One by one, as their properties have different names.
  ASSERT_FALSE(report.since->held.empty());
  EXPECT_EQ(report.since->held[0].bytes, 100u * report.since->held[0].objects);
  EXPECT_THAT(report.since->held[0].path.back(), HasSubstr(" Span"));
  EXPECT_EQ(report.since->held_objects, 3u);
  EXPECT_EQ(report.since->held_bytes, 300u);
}

// root => global -> an array of as many Spans, and one of as many Orders.
MadeSnapshot TwoArrays(size_t spans, size_t orders) {
  MadeSnapshot made;
  made.Node("synthetic", "", 1, 0);
  made.Node("object", "global", 5, 40);
  const size_t cache = made.Node("object", "Array", 7, 16), list = made.Node("object", "Set", 9, 8);
  made.Edges(0, {{"shortcut", "1", 1}});
  made.Edges(1, {{"property", "cache", cache}, {"property", "orders", list}});
  const auto fill = [&](size_t array, const std::string& name, uint64_t id, size_t count) {
    std::vector<MadeSnapshot::Edge> edges;
    for (size_t i = 0; i < count; ++i)
      edges.push_back({"element", std::to_string(i), made.Node("object", name, id + i * 2, 100)});
    made.Edges(array, edges);
  };
  fill(cache, "Span", 101, spans);
  fill(list, "Order", 1'000'001, orders);
  return made;
}

TEST(AnalyzeV8, EveryObjectThatCameIsCountedByTheWayItIsHeld) {
  const HeapAnalysis before = Analyzed(TwoArrays(50, 50));
  HeapAnalysis after = Analyzed(TwoArrays(12'050, 7'050));
  CompareIds(before, &after);
  ASSERT_TRUE(after.since);
  ASSERT_EQ(after.since->held.size(), 2u);
  EXPECT_EQ(after.since->held[0].objects, 12'000u);
  EXPECT_EQ(after.since->held[0].bytes, 1'200'000u);
  EXPECT_THAT(after.since->held[0].path, testing::ElementsAre("global", ".cache Array", "[] Span"));
  EXPECT_EQ(after.since->held[1].objects, 7'000u);
  EXPECT_THAT(after.since->held[1].path, testing::ElementsAre("global", ".orders Set", "[] Order"));
  EXPECT_EQ(after.since->held_objects, 19'000u);
}

TEST(AnalyzeV8, SnapshotsInTheWrongOrderAreNoted) {
  HeapAnalysis before = Analyzed(Objects("Span", {101, 103}));
  HeapAnalysis after = Analyzed(Objects("Span", {101}));
  before.time_ns = 2'000'000'000;
  after.time_ns = 1'000'000'000;
  EXPECT_THAT(MakeGrowthReport(before, after).notes,
              Contains(HasSubstr("the dump given first was written after the other one")));
  before.time_ns = 1'000'000'000;
  EXPECT_THAT(MakeGrowthReport(before, after).notes, testing::IsEmpty());
}

TEST(AnalyzeV8, SnapshotsOfTwoProcessesAreNotComparedById) {
  const HeapAnalysis before = Analyzed(Objects("Span", {101, 103, 105}));
  HeapAnalysis after = Analyzed(Objects("Socket", {101, 103, 105}));
  CompareIds(before, &after);
  EXPECT_FALSE(after.since);
  EXPECT_THAT(after.notes, Contains(HasSubstr("not of one process")));
}

TEST(AnalyzeV8, IdsAreWrittenAsDevToolsDoes) {
  const HeapReport report = MakeHeapReport(Analyzed(Objects("Span", {6047})));
  EXPECT_TRUE(report.addresses_are_ids);
}

TEST(AnalyzeV8, DetachedNodesOfAPageAndOfNodeAreToldApart) {
  MadeSnapshot made = Objects("Span", {101});
  const size_t div = made.Node("native", "<div class=x>", 201, 50, 2);
  const size_t below = made.Node("native", "<p>", 203, 30, 2);
  const size_t wrap = made.Node("native", "Node / TCPWrap", 205, 70, 2);
  made.Edges(2, {{"property", "a", div}, {"property", "b", wrap}});
  made.Edges(div, {{"property", "c", below}});
  const HeapAnalysis analysis = Analyzed(std::move(made));
  EXPECT_THAT(analysis.notes,
              Contains("2 detached page elements keep 80 B (1 Detached <div>, 1 Detached <p>)"));
  EXPECT_THAT(analysis.notes,
              Contains("1 detached native object keeps 70 B (1 Detached Node / TCPWrap)"));
}

}  // namespace
}  // namespace tidemark
