#include "scrape/series.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

class SeriesTest : public testing::Test {
 protected:
  SeriesTest() {
    job_.name = "shop/checkout";
    auto target = MakeTarget(job_, {{"__address__", "h:1"}, {"env", "prod"}});
    EXPECT_TRUE(target && target->has_value());
    target_ = **target;
  }

  Result<LabelledPage> Label(const std::string& text, const std::string& version = "") {
    TextOptions options;
    options.scrape_time_ns = 5;
    auto page = ParseMetricsPage(text, TextFormat::kPrometheus, options);
    EXPECT_TRUE(page) << page.error().message;
    return LabelPage(target_, version, std::move(*page));
  }

  void AddRule(RelabelSpec spec) {
    job_.metric_relabel_rules.push_back(*RelabelRule::Create(std::move(spec)));
  }

  ScrapeJob job_;
  ScrapeTarget target_;
};

TEST_F(SeriesTest, TargetLabelsStayWithTheResource) {
  auto page = Label("a{x=\"1\"} 1\nb 2\n", "v7");
  ASSERT_TRUE(page);
  ASSERT_EQ(page->batches.size(), 1u);
  EXPECT_EQ(page->batches[0].resource.target, (Target{"checkout", "shop", "v7", "h:1"}));
  EXPECT_EQ(AttributeOr(page->batches[0].resource.attributes, "env"), "prod");
  EXPECT_EQ(page->batches[0].points[0].attributes, (Attributes{{"x", "1"}}));
  EXPECT_EQ(page->points, 2u);
}

TEST_F(SeriesTest, ConflictingLabelsAreExportedUnlessHonored) {
  auto page = Label("a{env=\"dev\",exported_env=\"x\",instance=\"i\"} 1\n");
  EXPECT_EQ(page->batches[0].points[0].attributes, (Attributes{{"exported_env", "x"},
                                                               {"exported_exported_env", "dev"},
                                                               {"exported_instance", "i"}}));
  job_.honor_labels = true;
  page = Label("a{env=\"dev\",job=\"other\",instance=\"i\"} 1\nb{job=\"shop/checkout\"} 2\n");
  ASSERT_EQ(page->batches.size(), 2u);
  EXPECT_EQ(page->batches[1].resource.target, (Target{"other", "", "", "i"}));
  EXPECT_EQ(page->batches[1].points[0].attributes, (Attributes{{"env", "dev"}}));
  EXPECT_EQ(page->batches[0].points[0].metric, "b");
  EXPECT_EQ(page->batches[0].points[0].attributes, Attributes{});
}

TEST_F(SeriesTest, MetricRulesSeeAllLabelsAndMayRenameOrDrop) {
  AddRule({.action = RelabelAction::kKeep,
           .source_labels = {"__name__", "env"},
           .regex = "go_.*;prod"});
  AddRule({.source_labels = {"__name__"},
           .regex = "go_(.*)",
           .target_label = "__name__",
           .replacement = "golang_$1"});
  AddRule({.action = RelabelAction::kLabelDrop, .regex = "noise"});
  auto page = Label("go_x{noise=\"1\",keep=\"2\"} 1\nother 2\n");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->dropped, 1u);
  ASSERT_EQ(page->batches[0].points.size(), 1u);
  EXPECT_EQ(page->batches[0].points[0].metric, "golang_x");
  EXPECT_EQ(page->batches[0].points[0].attributes, (Attributes{{"keep", "2"}}));
}

TEST_F(SeriesTest, OfDuplicatesTheLastCounts) {
  auto page = Label("a{x=\"1\"} 1\na{x=\"2\"} 2\na{x=\"1\"} 3\n");
  EXPECT_EQ(page->duplicates, 1u);
  ASSERT_EQ(page->batches[0].points.size(), 2u);
  EXPECT_EQ(page->batches[0].points[0].value, 3);
}

TEST_F(SeriesTest, CrossingALimitKeepsNothing) {
  job_.sample_limit = 2;
  EXPECT_TRUE(Label("a 1\nb 2\n"));
  auto page = Label("a 1\nb 2\nc 3\n");
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(page.error().message.find("sample_limit 2"), std::string::npos);
  job_.sample_limit = 0;
  job_.label_limit = 4;  // __name__, env, instance, job
  EXPECT_TRUE(Label("a 1\n"));
  EXPECT_FALSE(Label("a{x=\"1\"} 1\n"));
}

TEST_F(SeriesTest, VersionComesFromTargetInfo) {
  TextOptions options;
  auto page = ParseMetricsPage("a 1\ntarget_info{service_version=\"v1.20.0\"} 1\n",
                               TextFormat::kPrometheus, options);
  EXPECT_EQ(VersionOf(*page), "v1.20.0");
  EXPECT_EQ(VersionOf(MetricsPage()), "");
}

}  // namespace
}  // namespace tidemark
