#include "heapreport/report_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "heapreport/report_fixture.h"
#include "heapreport/sentences.h"

namespace tidemark {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(SentencesTest, EndedSpansAreCountedAndTheNewestDated) {
  const HeapReport report = LeakySpansReport();
  EXPECT_EQ(report.headline,
            "92 % of the heap, 184 MiB, is held by main.leakySpanCache -> map[string]trace.Span -> "
            "*trace.recordingSpan: 300,000 spans, 299,900 of them ended, newest 3 s ago.");
}

TEST(SentencesTest, WithoutSpansTheObjectsAreCounted) {
  HeapReport report = LeakySpansReport();
  EXPECT_THAT(SuspectSentence(report, report.suspects[0], nullptr),
              HasSubstr("*trace.recordingSpan: 300,000 objects."));
}

TEST(SentencesTest, WhatIsNamedLastSaysHowMuchOfItIsThere) {
  HeapReport report = LeakySpansReport();
  report.suspects[0].pile_bytes = 120ULL << 20;
  EXPECT_THAT(SuspectSentence(report, report.suspects[0], nullptr),
              HasSubstr("*trace.recordingSpan (120 MiB of it): 300,000 objects."));
}

TEST(SentencesTest, EndedSpansAreToldEvenWhereAnotherOwnerHoldsMore) {
  HeapReport report = LeakySpansReport();
  ReportSuspect larger = report.suspects[0];
  larger.sentence = "95 % is held by main.buffers.";
  report.suspects[0].ended_spans = 299'900;
  report.suspects.insert(report.suspects.begin(), larger);
  EXPECT_THAT(Headline(report), testing::StartsWith("95 % is held by main.buffers. 92 % of the"));
}

TEST(SentencesTest, AHeapWithMuchGarbageIsNotCalledTheHeap) {
  HeapReport report = LeakySpansReport();
  report.garbage_bytes = report.bytes / 2;
  EXPECT_THAT(SuspectSentence(report, report.suspects[0], nullptr),
              HasSubstr("92 % of the reachable heap"));
}

TEST(SentencesTest, AMapThatSpreadsSaysOverWhat) {
  HeapReport report = LeakySpansReport();
  ReportSuspect& suspect = report.suspects[0];
  suspect.chain = {"com.shop.Cache.ENTRIES", "java.util.HashMap"};
  suspect.objects = 1;
  suspect.piled_type = "byte[]";
  suspect.piled_objects = 4000;
  suspect.piled_bytes = 100 << 20;
  EXPECT_THAT(SuspectSentence(report, suspect, nullptr),
              HasSubstr("is held by com.shop.Cache.ENTRIES -> java.util.HashMap, mostly by way of "
                        "4,000 objects of byte[] (100 MiB)."));
}

TEST(SentencesTest, WithoutASuspectTheLargestOwnerIsNamed) {
  HeapReport report = LeakySpansReport();
  report.suspects.clear();
  report.owners = {{"main.small", 0, 10, 8 << 20, true}};
  EXPECT_EQ(Headline(report),
            "Nobody holds a tenth of the heap (200 MiB): the largest owner, main.small, holds 4.0 "
            "%, 8.00 MiB.");
}

TEST(SentencesTest, GrowthSaysHowMuchAndWhere) {
  HeapReport report = LeakySpansReport();
  report.before_bytes = 100ULL << 20;
  report.growth =
      heapgraph::HeapGrowth{.objects = 150'000,
                            .bytes = 100 << 20,
                            .paths = {{.path = {"main.leakySpanCache", "*trace.recordingSpan"},
                                       .objects = 150'000,
                                       .bytes = 90 << 20,
                                       .own_objects = 50'000,
                                       .suspect = true}}};
  EXPECT_THAT(Headline(report),
              HasSubstr("The heap grew by 100 MiB (100 MiB to 200 MiB): 90 % of that, 90.0 MiB, is "
                        "held by main.leakySpanCache -> *trace.recordingSpan, 50,000 more of them "
                        "than before."));
  EXPECT_TRUE(HasFinding(report));
  report.growth->paths[0].own_objects = 0;
  EXPECT_THAT(Headline(report), HasSubstr(", with 150,000 objects more below it than before."));
  report.growth->paths[0].suspect = false;
  EXPECT_FALSE(HasFinding(report));
}

TEST(ReportTextTest, OfTwoSnapshotsItSaysWhatCameSince) {
  HeapReport report = LeakySpansReport();
  report.addresses_are_ids = true;
  report.since = ObjectsSince{.allocated_objects = 1500,
                              .allocated_bytes = 3 << 20,
                              .freed_objects = 12,
                              .freed_bytes = 1024,
                              .kept_objects = 9000,
                              .kept_bytes = 2 << 20,
                              .classes = {{"Span", 1400, 2 << 20, 7, 700}, {"Gone", 0, 0, 5, 300}}};
  const std::string text = HeapReportText(report);
  EXPECT_THAT(text, HasSubstr("    2.00 MiB        1,400            7  Span\n"));
  EXPECT_THAT(text, testing::Not(HasSubstr("Gone")));
  EXPECT_THAT(text, HasSubstr("In all 1,500 objects, 3.00 MiB came, 12 objects, 1.00 KiB went, "
                              "9,000 objects, 2.00 MiB stayed."));
  EXPECT_THAT(text, HasSubstr("main.leakySpanCache @5914400, keeps"));
}

TEST(ReportTextTest, WaysThingsAreHeldComeWithWhatTheOthersComeTo) {
  HeapReport report = LeakySpansReport();
  report.since = ObjectsSince{};
  report.since->held = {{{"global", ".cache Map", "[] Span"}, 20'000, 4 << 20},
                        {{"global", ".orders Array", "[] Order"}, 9'000, 1 << 20},
                        {{"Node / Environment", "<info> Node / Info"}, 1, 100}};
  report.since->held_objects = 29'051;
  report.since->held_bytes = (5 << 20) + 1024;
  const std::string text = HeapReportText(report);
  EXPECT_THAT(text, HasSubstr("    4.00 MiB       20,000  global -> .cache Map -> [] Span\n"
                              "      1.00 MiB        9,000  global -> .orders Array -> [] Order\n"
                              "      1.00 KiB           51  (in other ways)\n"));
  EXPECT_THAT(text, Not(HasSubstr("Node / Environment")));
}

TEST(ReportTextTest, BeginsWithTheFindingAndIsNowhereWiderThan100Columns) {
  HeapReport report = LeakySpansReport();
  report.suspects[0].path.push_back({std::string(300, 'f'), std::string(300, 't'), ~0ull, 1});
  report.types[0].name = std::string(500, 'x');
  report.notes.push_back("a note that is " + std::string(40, 'l') + " long " +
                         std::string(60, 'm'));
  const std::string text = HeapReportText(report);
  EXPECT_THAT(text, testing::StartsWith("92 % of the heap, 184 MiB, is held by "));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100u) << line;
}

TEST(ReportTextTest, AFullReportReadsSo) {
  const std::string text = HeapReportText(LeakySpansReport());
  EXPECT_THAT(text, HasSubstr("go heap dump, go version go1.24.4"));
  EXPECT_THAT(text, HasSubstr("held by one root"));
  EXPECT_THAT(text,
              HasSubstr("The runtime's own count: 1166464 objects, 209715200 bytes: the same."));
  EXPECT_THAT(text, HasSubstr("trace 0af7651916cd43dd8448eb211c80319c span b7ad6b7169203331 ended "
                              "2026-11-22T20:59:57.000Z"));
  EXPECT_THAT(text, Not(HasSubstr("PARTIAL")));
}

TEST(ReportTextTest, ADamagedDumpIsCalledPartialInTheFirstLine) {
  HeapReport report = LeakySpansReport();
  report.damage = "ends at offset 1234 in record 5 (stack frame)";
  report.headline = Headline(report);
  const std::string text = HeapReportText(report);
  EXPECT_THAT(text, testing::StartsWith("PARTIAL: "));
  EXPECT_THAT(text, HasSubstr("offset 1234 in record 5"));
}

}  // namespace
}  // namespace tidemark
