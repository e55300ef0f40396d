#include "diagnose/incident_book.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

Suspicion Leak(const std::string& version, int64_t time_ns) {
  return {.service = "shop",
          .version = version,
          .kind = "heap",
          .instances = {"a"},
          .growth_bytes_per_hour = {1e9, 9e8, 1.1e9},
          .onset_ns = time_ns - 40 * kSecond,
          .time_ns = time_ns,
          .confidence = 0.9,
          .rank = 1};
}

TEST(IncidentBookTest, OneIncidentPerServiceAndVersion) {
  IncidentBook book({});
  bool opened = false;
  Incident* first = book.Report(Leak("1.0.0", 100 * kSecond), &opened);
  ASSERT_NE(first, nullptr);
  EXPECT_TRUE(opened);
  const std::string id = first->id;
  Suspicion again = Leak("1.0.0", 110 * kSecond);
  again.instances = {"a", "b"};
  Incident* second = book.Report(again, &opened);
  EXPECT_FALSE(opened);
  EXPECT_EQ(second->id, id);
  EXPECT_EQ(second->instances, (std::vector<std::string>{"a", "b"}));
  EXPECT_DOUBLE_EQ(second->total_growth_bytes_per_hour.value, 2e9);
  EXPECT_EQ(second->detected_ns, 100 * kSecond);
  book.Report(Leak("1.0.1", 100 * kSecond), &opened);
  EXPECT_TRUE(opened);
  EXPECT_EQ(book.All().size(), 2u);
}

TEST(IncidentBookTest, StacksSpeakOverTotals) {
  IncidentBook book({});
  bool opened = false;
  book.Report(Leak("1", 100 * kSecond), &opened);
  Suspicion total = Leak("1", 101 * kSecond);
  total.rank = 0;
  total.growth_bytes_per_hour = {5e9, 1e9, 9e9};
  EXPECT_DOUBLE_EQ(book.Report(total, &opened)->growth_bytes_per_hour.value, 1e9);
}

TEST(IncidentBookTest, QuietIncidentsResolveAndANewLeakGetsANewId) {
  IncidentBook book({.quiet_ns = 60 * kSecond});
  bool opened = false;
  const std::string id = book.Report(Leak("1", 100 * kSecond), &opened)->id;
  book.ResolveQuiet(150 * kSecond);
  EXPECT_NE(book.FindOpen("shop", "", "1"), nullptr);
  book.ResolveQuiet(161 * kSecond);
  EXPECT_EQ(book.FindOpen("shop", "", "1"), nullptr);
  EXPECT_EQ(book.Find(id)->state, IncidentState::kResolved);
  EXPECT_NE(book.Report(Leak("1", 500 * kSecond), &opened)->id, id);
}

TEST(IncidentBookTest, ChangesAreTakenOnceAndRestoredOnesGoOn) {
  IncidentBook book({});
  bool opened = false;
  book.Report(Leak("1", 100 * kSecond), &opened);
  const auto changed = book.TakeChanged();
  ASSERT_EQ(changed.size(), 1u);
  EXPECT_NE(changed[0].summary.find("shop 1"), std::string::npos);
  EXPECT_TRUE(book.TakeChanged().empty());

  IncidentBook after_restart({});
  after_restart.Restore(changed[0]);
  EXPECT_EQ(after_restart.Report(Leak("1", 200 * kSecond), &opened)->id, changed[0].id);
  EXPECT_FALSE(opened);
}

TEST(IncidentBookTest, AFullBookForgetsResolvedOnesAndThenRefuses) {
  IncidentBook book({.quiet_ns = kSecond, .max_incidents = 2});
  bool opened = false;
  book.Report(Leak("1", 100 * kSecond), &opened);
  book.ResolveQuiet(200 * kSecond);
  book.Report(Leak("2", 201 * kSecond), &opened);
  EXPECT_NE(book.Report(Leak("3", 201 * kSecond), &opened), nullptr);
  EXPECT_EQ(book.Report(Leak("4", 201 * kSecond), &opened), nullptr);
  EXPECT_EQ(book.refused(), 1u);
}

TEST(IncidentBookTest, CostIsADaysGrowthAtTheGivenPrice) {
  EXPECT_DOUBLE_EQ(MonthlyCostUsd(12.0 * (1 << 30), 3.5), 12 * 24 * 3.5);
  EXPECT_DOUBLE_EQ(MonthlyCostUsd(-5, 3.5), 0);
}

}  // namespace
}  // namespace tidemark
