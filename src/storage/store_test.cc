#include "storage/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/stack.h"
#include "storage/store_test_util.h"

namespace tidemark {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kT = kTestTimeNs;

std::vector<std::pair<int64_t, double>> PointsOf(const Series& series) {
  std::vector<std::pair<int64_t, double>> points;
  for (const SeriesPoint& point : series.points) points.emplace_back(point.time_ns, point.value);
  return points;
}

std::vector<Series> MustReadSeries(Store* store, const SeriesQuery& query) {
  auto series = store->ReadSeries(query);
  if (!series) ADD_FAILURE() << series.error().message;
  return series ? *series : std::vector<Series>{};
}

void MustAppend(Store* store, WriteUnit unit) {
  auto appended = store->AppendAndWait(std::move(unit));
  ASSERT_TRUE(appended) << appended.error().message;
}

// "leaf<caller" of each sample with its in-use bytes.
std::vector<std::pair<std::string, int64_t>> InUse(const Profile& profile) {
  std::vector<std::pair<std::string, int64_t>> out;
  const uint32_t column = profile.TypeIndex("inuse_space");
  for (const Sample& sample : profile.samples) {
    std::string name;
    for (const FrameText& frame : FramesOf(profile, sample)) {
      name += (name.empty() ? "" : "<") + frame.function;
    }
    out.emplace_back(name, sample.values[column]);
  }
  return out;
}

TEST(StoreTest, PointsComeBackWithTheirNamesAndValues) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  Point point = Gauge("heap", kT + 5, 1.25);
  point.attributes = {{"area", "a,b=c\\"}, {"pool", "old"}};
  MustAppend(store.get(),
             PointUnit(TestResource("cart", "1.0", "pod-1"), {point, Gauge("rss", kT + 7, -3)}));
  const auto series = MustReadSeries(store.get(), {.metric = "heap"});
  ASSERT_EQ(series.size(), 1u);
  EXPECT_EQ(series[0].target, TestResource("cart", "1.0", "pod-1").target);
  EXPECT_EQ(series[0].metric, "heap");
  EXPECT_EQ(series[0].unit, "By");
  EXPECT_EQ(series[0].attributes, point.attributes);
  EXPECT_THAT(PointsOf(series[0]), ElementsAre(std::pair(kT + 5, 1.25)));
}

TEST(StoreTest, WhatWasAcknowledgedIsThereAfterReopening) {
  TestDirectory directory;
  {
    const auto store = MustOpen(TestOptions(directory.path()));
    MustAppend(store.get(),
               PointUnit(TestResource("cart", "1.0", "pod-1"), {Gauge("heap", kT, 1)}));
    MustAppend(store.get(), ProfileUnit(TestResource("cart", "1.0", "pod-1"),
                                        TestProfile(kT, {{{"grow", "main"}, 640, {}}})));
    ASSERT_TRUE(store->PutDocument({"incident", "i1", "{}", 5}));
  }
  const auto store = MustOpen(TestOptions(directory.path()));
  MustAppend(store.get(),
             PointUnit(TestResource("cart", "1.0", "pod-1"), {Gauge("heap", kT + 1, 2)}));
  const auto series = MustReadSeries(store.get(), {.metric = "heap"});
  ASSERT_EQ(series.size(), 1u);
  EXPECT_THAT(PointsOf(series[0]), ElementsAre(std::pair(kT, 1.0), std::pair(kT + 1, 2.0)));
  const auto profile = store->ReadProfile({});
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_THAT(InUse(*profile), ElementsAre(std::pair("grow<main", 640)));
  EXPECT_EQ((*store->ReadDocuments("incident")).size(), 1u);
  const auto targets = *store->ReadTargets();
  ASSERT_EQ(targets.size(), 1u);
  EXPECT_EQ(targets[0].resource.attributes, TestResource("cart", "1.0", "pod-1").attributes);
  EXPECT_EQ(targets[0].first_seen_ns, kT);
  EXPECT_EQ(targets[0].last_seen_ns, kT + 1);
}

}  // namespace
}  // namespace tidemark
