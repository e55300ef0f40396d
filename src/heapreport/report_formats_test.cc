// JSON, HTML and pprof of one report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "heapreport/report_fixture.h"
#include "heapreport/report_html.h"
#include "heapreport/report_json.h"
#include "heapreport/report_pprof.h"

namespace tidemark {
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::Not;

TEST(ReportJsonTest, TellsTheFindingTheTotalsAndTheTree) {
  const HeapReport report = LeakySpansReport();
  const json::value whole = json::parse(HeapReportJson(report));
  EXPECT_EQ(whole.at("version"), 1);
  EXPECT_EQ(whole.at("headline").as_string(), report.headline);
  const json::value& totals = whole.at("totals");
  const auto bytes = [&](const char* part) {
    return totals.at(part).at("bytes").to_number<uint64_t>();
  };
  EXPECT_EQ(bytes("owned") + bytes("shared") + bytes("garbage"), bytes("all"));
  EXPECT_EQ(whole.at("spans").at(0).at("ended"), 299'900);
  EXPECT_EQ(whole.at("suspects").at(0).at("path").at(0).at("address").as_string(), "0x5a3f20");
  EXPECT_EQ(whole.at("tree").as_array().size(), report.tree.size());
  EXPECT_EQ(whole.at("tree").at(0).at("parent"), -1);
  EXPECT_TRUE(whole.at("growth").is_null());
}

TEST(ReportHtmlTest, NamesOfTheDumpCannotBecomeMarkup) {
  HeapReport report = LeakySpansReport();
  const std::string hostile = "</script><script>alert(1)</script><!--";
  report.headline = report.file = report.types[0].name = report.tree[1].name = hostile;
  const std::string page = HeapReportHtml(report);
  EXPECT_THAT(page, Not(HasSubstr("alert(1)</script>")));
  EXPECT_THAT(page, Not(HasSubstr("<!--")));
  EXPECT_THAT(page, HasSubstr("\\u003c/script\\u003e"));
}

TEST(ReportHtmlTest, ThePageStandsAlone) {
  const std::string page = HeapReportHtml(LeakySpansReport());
  EXPECT_THAT(page, testing::StartsWith("<!doctype html>"));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
  EXPECT_THAT(page, Not(HasSubstr("@REPORT@")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST(ReportPprofTest, TheTotalsAreThoseOfTheTreeAndStacksEndInTheHeap) {
  const HeapReport report = LeakySpansReport();
  const Profile profile = HeapReportProfile(report);
  ASSERT_TRUE(Validate(profile));
  const uint32_t space = profile.TypeIndex("inuse_space");
  EXPECT_EQ(static_cast<uint64_t>(profile.Total(space)), report.tree[0].retained_bytes);
  for (const Sample& sample : profile.samples) {
    const Location& outermost = profile.locations[sample.locations.back()];
    EXPECT_EQ(profile.functions[outermost.lines[0].function].name, "the heap");
  }
}

}  // namespace
}  // namespace tidemark
