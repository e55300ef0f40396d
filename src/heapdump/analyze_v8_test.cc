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
