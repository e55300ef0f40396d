#include "diagnose/summary.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(SummaryTest, TheSentenceNamesServiceVersionGrowthFunctionAndRoute) {
  Incident incident;
  incident.service = "shop";
  incident.versions = {"1.0.0"};
  incident.instances = {"a"};
  incident.growth_bytes_per_hour.value = 8.0 * (1 << 30);
  incident.evidence.stacks = {{.cause = "KeepEndedSpan",
                               .cause_file = "span_archive.cc",
                               .cause_line = 31,
                               .growth_share = 0.96}};
  incident.evidence.routes = {{.route = "/checkout", .growth_share = 1}};
  EXPECT_EQ(Summarize(incident),
            "shop 1.0.0 grows by 8.00 GiB an hour: 96 % of the growth is allocated in "
            "KeepEndedSpan (span_archive.cc:31), "
            "100 % of that for /checkout.");
}

TEST(SummaryTest, TheParagraphHoldsEveryLinkOfTheChain) {
  Incident incident;
  incident.id = "42";
  incident.summary = "it grows.";
  incident.updated_ns = 1'000'000'000;
  incident.oom_eta_ns = 601'000'000'000;
  incident.evidence.stacks = {{.frames = {{"Keep", "a.cc", 1, ""}, {"main", "m.cc", 2, ""}}}};
  incident.evidence.routes = {
      {.route = "/checkout", .growth_share = 0.9, .bytes_per_request = 2457, .method = "span"}};
  incident.evidence.traces = {{.trace_id = {1, 2}, .ended = true}};
  incident.evidence.captures = {{.id = "c", .role = "worst", .file = "captures/c.pb.gz"}};
  incident.evidence.heap_dumps = {{.headline = "92 % of the heap is held by main.cache."}};
  incident.evidence.retention = {"92 % main.cache -> map"};
  const std::string text = DescribeForTerminal(incident);
  for (const char* part :
       {"it grows.", "incident 42", "10 min 00 s", "Keep  a.cc:1", "/checkout: 90 %",
        "2.40 KiB kept a request", "00000000000000010000000000000002", "captures/c.pb.gz",
        "heap dump  92 % of the heap is held by main.cache.",
        "held by    92 % main.cache -> map"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
}

TEST(SummaryTest, ARouteKnownByNameOnlyIsSaidToBe) {
  Incident incident;
  incident.service = "shop";
  incident.evidence.stacks = {{.cause = "keep", .growth_share = 1}};
  incident.evidence.routes = {{.route = "/checkout", .growth_share = 1, .method = "stack"}};
  EXPECT_NE(Summarize(incident).find("by its name for /checkout"), std::string::npos)
      << Summarize(incident);
}

}  // namespace
}  // namespace tidemark
