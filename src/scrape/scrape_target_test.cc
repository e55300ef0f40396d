#include "scrape/scrape_target.h"

#include <gtest/gtest.h>

#include "scrape/labels.h"

namespace tidemark {
namespace {

ScrapeJob Job() {
  ScrapeJob job;
  job.name = "shop/checkout";
  return job;
}

RelabelRule Rule(RelabelSpec spec) {
  auto rule = RelabelRule::Create(std::move(spec));
  EXPECT_TRUE(rule) << rule.error().message;
  return *rule;
}

ScrapeTarget MakeOrDie(const ScrapeJob& job, Attributes discovered) {
  auto target = MakeTarget(job, std::move(discovered));
  EXPECT_TRUE(target) << target.error().message;
  EXPECT_TRUE(target->has_value());
  return **target;
}

TEST(ScrapeTargetTest, IdentityComesFromJobInstanceAndVersionLabels) {
  ScrapeJob job = Job();
  ScrapeTarget target =
      MakeOrDie(job, {{"__address__", "10.0.0.1:80"}, {"__meta_filepath", "f"}, {"version", "v2"}});
  EXPECT_EQ(target.resource.target, (Target{"checkout", "shop", "v2", "10.0.0.1:80"}));
  EXPECT_EQ(target.labels,
            (Attributes{{"instance", "10.0.0.1:80"}, {"job", "shop/checkout"}, {"version", "v2"}}));
  EXPECT_EQ(target.metrics_url, "http://10.0.0.1:80/metrics");
  EXPECT_EQ(target.pprof_url, "");
  EXPECT_EQ(TargetOfLabels({{"job", "a"}, {"service_version", "v1"}}), (Target{"a", "", "v1", ""}));
  EXPECT_EQ(TargetOfLabels({{"job", "/a"}}).service, "/a");
}

TEST(ScrapeTargetTest, RulesMayChangeAddressPathParamsTimesAndInstance) {
  ScrapeJob job = Job();
  job.params = {{"a", "1"}, {"a", "2"}, {"b", "3"}};
  job.heap.enabled = true;
  job.heap_dump.enabled = true;
  job.relabel_rules = {
      Rule({.source_labels = {"__address__"},
            .regex = "(.*):80",
            .target_label = "__address__",
            .replacement = "$1:81"}),
      Rule({.source_labels = {"pod"}, .target_label = "instance"}),
      Rule({.target_label = "__metrics_path__", .replacement = "/m"}),
      Rule({.target_label = "__param_a", .replacement = "9 9"}),
      Rule({.target_label = "__scrape_interval__", .replacement = "5s"}),
      Rule({.target_label = "__scrape_timeout__", .replacement = "500ms"}),
  };
  ScrapeTarget target = MakeOrDie(job, {{"__address__", "h:80"}, {"pod", "p-1"}});
  EXPECT_EQ(target.metrics_url, "http://h:81/m?a=9%209&b=3&a=2");
  EXPECT_EQ(target.pprof_url, "http://h:81/debug/pprof/heap");
  EXPECT_EQ(AttributeOr(target.resource.attributes, kPprofUrlAttribute), target.pprof_url);
  EXPECT_EQ(AttributeOr(target.resource.attributes, kHeapDumpUrlAttribute),
            "http://h:81/debug/heapdump");
  EXPECT_EQ(target.resource.target.instance, "p-1");
  EXPECT_EQ(target.interval_ns, 5'000'000'000);
  EXPECT_EQ(target.timeout_ns, 500'000'000);
}

TEST(ScrapeTargetTest, RulesMayDropATarget) {
  ScrapeJob job = Job();
  job.relabel_rules = {
      Rule({.action = RelabelAction::kDrop, .source_labels = {"env"}, .regex = "dev"})};
  auto target = MakeTarget(job, {{"__address__", "h:80"}, {"env", "dev"}});
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->has_value());
}

TEST(ScrapeTargetTest, ImpossibleTargetsAreErrorsThatNameThem) {
  ScrapeJob job = Job();
  for (const char* address : {"h:port", "h/path", "u@h", "h:80:90", "http://h", "a b"}) {
    auto target = MakeTarget(job, {{"__address__", address}});
    ASSERT_FALSE(target) << address;
    EXPECT_NE(target.error().message.find(address), std::string::npos) << target.error().message;
  }
  EXPECT_FALSE(MakeTarget(job, {}));
  EXPECT_FALSE(MakeTarget(job, {{"__address__", "h:1"}, {"__scheme__", "https"}}));
  EXPECT_FALSE(MakeTarget(
      job, {{"__address__", "h:1"}, {"__scrape_interval__", "1s"}, {"__scrape_timeout__", "2s"}}));
}

}  // namespace
}  // namespace tidemark
