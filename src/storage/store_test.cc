#include "storage/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

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

TEST(StoreTest, OfTwoPointsOfOneTimeTheLaterSentCounts) {
  TestDirectory directory;
  const Resource resource = TestResource("cart", "1.0", "pod-1");
  {
    const auto store = MustOpen(TestOptions(directory.path()));
    MustAppend(store.get(), PointUnit(resource, {Gauge("heap", kT, 1), Gauge("heap", kT, 2)}));
    MustAppend(store.get(), PointUnit(resource, {Gauge("heap", kT + 60, 7)}));
    MustAppend(store.get(), PointUnit(resource, {Gauge("heap", kT, 3)}));
  }
  const auto store = MustOpen(TestOptions(directory.path()));
  const SeriesQuery raw{.metric = "heap"};
  EXPECT_THAT(PointsOf(MustReadSeries(store.get(), raw).at(0)),
              ElementsAre(std::pair(kT, 3.0), std::pair(kT + 60, 7.0)));
  MustAppend(store.get(), PointUnit(resource, {Gauge("heap", kT, 5)}));
  EXPECT_THAT(PointsOf(MustReadSeries(store.get(), raw).at(0)),
              ElementsAre(std::pair(kT, 5.0), std::pair(kT + 60, 7.0)));
  const SeriesQuery mean{.metric = "heap", .step_ns = kNsPerMinute};
  EXPECT_THAT(PointsOf(MustReadSeries(store.get(), mean).at(0)), ElementsAre(std::pair(kT, 6.0)));
}

TEST(StoreTest, PointsOfAnyOrderComeBackByTime) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  const Resource resource = TestResource("cart", "1.0", "pod-1");
  const int64_t day = 24 * kNsPerHour;
  for (const int64_t time_ns : {kT + 3, kT - day, kT + 1, kT - 2 * day, kT + 2}) {
    MustAppend(store.get(), PointUnit(resource, {Gauge("heap", time_ns, 1)}));
  }
  const auto series = MustReadSeries(store.get(), {.metric = "heap"});
  ASSERT_EQ(series.size(), 1u);
  EXPECT_THAT(PointsOf(series[0]),
              ElementsAre(std::pair(kT - 2 * day, 1.0), std::pair(kT - day, 1.0),
                          std::pair(kT + 1, 1.0), std::pair(kT + 2, 1.0), std::pair(kT + 3, 1.0)));
  EXPECT_EQ(store->stats().partitions, 3u);
}

TEST(StoreTest, RangesAreHalfOpenAndStepsGiveMeans) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  std::vector<Point> points;
  for (int i = 0; i < 6; ++i) points.push_back(Gauge("heap", kT + i * kNsPerSecond, i));
  MustAppend(store.get(), PointUnit(TestResource("cart", "1.0", "pod-1"), points));
  SeriesQuery query{.metric = "heap", .from_ns = kT + kNsPerSecond, .to_ns = kT + 3 * kNsPerSecond};
  EXPECT_THAT(
      PointsOf(MustReadSeries(store.get(), query).at(0)),
      ElementsAre(std::pair(kT + kNsPerSecond, 1.0), std::pair(kT + 2 * kNsPerSecond, 2.0)));
  query = {.metric = "heap", .step_ns = 2 * kNsPerSecond};
  EXPECT_THAT(PointsOf(MustReadSeries(store.get(), query).at(0)),
              ElementsAre(std::pair(kT, 0.5), std::pair(kT + 2 * kNsPerSecond, 2.5),
                          std::pair(kT + 4 * kNsPerSecond, 4.5)));
  query.to_ns = 1;
  query.from_ns = 2;
  EXPECT_EQ(store->ReadSeries(query).error().code, ErrorCode::kInvalidArgument);
}

TEST(StoreTest, SeriesAreFilteredByTargetAndToldApartByAttributes) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  Point young = Gauge("heap", kT, 1), old = Gauge("heap", kT, 2);
  young.attributes = {{"pool", "young"}};
  old.attributes = {{"pool", "old"}};
  MustAppend(store.get(), PointUnit(TestResource("cart", "1.0", "a"), {young, old}));
  MustAppend(store.get(), PointUnit(TestResource("cart", "2.0", "b"), {old}));
  MustAppend(store.get(), PointUnit(TestResource("auth", "1.0", "c"), {old}));
  EXPECT_EQ(MustReadSeries(store.get(), {.metric = "heap"}).size(), 4u);
  EXPECT_EQ(MustReadSeries(store.get(), {.filter = {.service = "cart"}, .metric = "heap"}).size(),
            3u);
  EXPECT_EQ(MustReadSeries(store.get(), {.filter = {.version = "1.0"}, .metric = "heap"}).size(),
            3u);
  EXPECT_EQ(MustReadSeries(store.get(), {.filter = {.instance = "b"}, .metric = "heap"}).size(),
            1u);
  EXPECT_TRUE(MustReadSeries(store.get(), {.filter = {.service = "' OR 1=1 --"}, .metric = "heap"})
                  .empty());
  EXPECT_TRUE(MustReadSeries(store.get(), {.metric = "heap' OR '1'='1"}).empty());
}

TEST(StoreTest, BytesOfAnyKindSurviveInNames) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  const std::string hostile = std::string("a\0b", 3) + "\xff\xfe'\"; DROP TABLE points;--";
  Resource resource = TestResource(hostile, hostile, hostile);
  resource.attributes = {{hostile, hostile}};
  MustAppend(store.get(), PointUnit(resource, {Gauge(hostile, kT, 1)}));
  MustAppend(store.get(), ProfileUnit(resource, TestProfile(kT, {{{hostile}, 64, {}}})));
  ASSERT_TRUE(store->PutDocument({hostile, hostile, hostile, 1}));
  const auto series =
      MustReadSeries(store.get(), {.filter = {.service = hostile}, .metric = hostile});
  ASSERT_EQ(series.size(), 1u);
  EXPECT_EQ(series[0].target.service, hostile);
  EXPECT_THAT(InUse(*store->ReadProfile({})), ElementsAre(std::pair(hostile, 64)));
  EXPECT_EQ((*store->ReadDocuments(hostile)).at(0).payload, hostile);
  EXPECT_EQ((*store->ReadTargets()).at(0).resource.attributes, resource.attributes);
}

TEST(StoreTest, MorePointsThanAskedForAreAnErrorThatSaysHowToNarrow) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  std::vector<Point> points;
  for (int i = 0; i < 11; ++i) points.push_back(Gauge("heap", kT + i, i));
  MustAppend(store.get(), PointUnit(TestResource("cart", "1.0", "pod-1"), points));
  const auto refused = store->ReadSeries({.metric = "heap", .max_points = 10});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(refused.error().message, HasSubstr("set a step"));
  EXPECT_TRUE(store->ReadSeries({.metric = "heap", .max_points = 11}));
}

TEST(StoreTest, ProfilesAreMeansPerInstanceSummedOverInstances) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  const Resource a = TestResource("cart", "1.0", "a"), b = TestResource("cart", "1.0", "b");
  MustAppend(store.get(),
             ProfileUnit(a, TestProfile(kT, {{{"grow", "main"}, 1000, {}}, {{"once"}, 640, {}}})));
  MustAppend(store.get(), ProfileUnit(a, TestProfile(kT + 1, {{{"grow", "main"}, 3000, {}}})));
  MustAppend(store.get(), ProfileUnit(b, TestProfile(kT + 1, {{{"grow", "main"}, 500, {}}})));
  const auto profile = store->ReadProfile({.filter = {.service = "cart"}});
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_THAT(InUse(*profile), ElementsAre(std::pair("grow<main", 2500), std::pair("once", 320)));
  EXPECT_TRUE(Validate(*profile));
  EXPECT_EQ(profile->Total(profile->TypeIndex("alloc_space")), 2 * (2500 + 320));
  const FrameText leaf = FramesOf(*profile, profile->samples[0])[0];
  EXPECT_EQ(leaf, (FrameText{"grow", "grow.cc", 12, "/bin/shop"}));
  EXPECT_EQ(profile->mappings.at(0).build_id, "abcd");
  EXPECT_EQ(profile->functions.at(0).start_line, 10);
  const auto only_b = store->ReadProfile({.filter = {.instance = "b"}});
  EXPECT_THAT(InUse(*only_b), ElementsAre(std::pair("grow<main", 500)));
  const auto first = store->ReadProfile({.from_ns = kT, .to_ns = kT + 1});
  EXPECT_THAT(InUse(*first), ElementsAre(std::pair("grow<main", 1000), std::pair("once", 640)));
}

TEST(StoreTest, OneStackOfManyPartitionsIsOneSample) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  const Resource a = TestResource("cart", "1.0", "a");
  for (const int hours : {0, 7, 14}) {
    MustAppend(store.get(),
               ProfileUnit(a, TestProfile(kT + hours * kNsPerHour,
                                          {{{"grow", "main"}, 300 * (hours + 1), {}}})));
  }
  EXPECT_EQ(store->stats().partitions, 3u);
  EXPECT_THAT(InUse(*store->ReadProfile({})), ElementsAre(std::pair("grow<main", 300 * 24 / 3)));
}

TEST(StoreTest, TracesAreNamedWhenOneInstanceIsAskedFor) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  const std::string trace = "0123456789abcdef0123456789abcdef", span = "00000000000000aa";
  const std::vector<Label> labels = {{"trace_id", trace, 0, ""}, {"span_id", span, 0, ""}};
  const Resource a = TestResource("cart", "1.0", "a");
  MustAppend(store.get(),
             ProfileUnit(a, TestProfile(kT, {{{"grow"}, 700, labels}, {{"grow"}, 300, {}}})));
  MustAppend(store.get(), ProfileUnit(a, TestProfile(kT + 1, {{{"grow"}, 1000, {}}})));
  const auto merged = store->ReadProfile({});
  EXPECT_THAT(InUse(*merged), ElementsAre(std::pair("grow", 1000)));
  EXPECT_TRUE(merged->samples[0].labels.empty());
  const auto one = store->ReadProfile({.filter = {.instance = "a"}});
  EXPECT_THAT(InUse(*one), ElementsAre(std::pair("grow", 650), std::pair("grow", 350)));
  EXPECT_TRUE(one->samples[0].labels.empty());
  EXPECT_EQ(one->samples[1].labels, labels);
}

TEST(StoreTest, AProfileKeepsItsHeaviestLinksOnly) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  std::vector<TestStack> stacks;
  for (int i = 1; i <= 100; ++i) {
    const std::string id =
        std::string(30, '0') + (i < 16 ? "0" : "") + (std::ostringstream() << std::hex << i).str();
    stacks.push_back({{"grow"}, i * 6400, {{"trace_id", id, 0, ""}}});
  }
  MustAppend(store.get(), ProfileUnit(TestResource("cart", "1.0", "a"), TestProfile(kT, stacks)));
  const auto profile = store->ReadProfile({.filter = {.instance = "a"}});
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->samples.size(), 65u);
  EXPECT_EQ(profile->Total(profile->TypeIndex("inuse_space")), 6400 * 5050);
  int64_t linked = 0;
  for (const Sample& sample : profile->samples) {
    if (!sample.labels.empty()) linked += sample.values[0];
  }
  EXPECT_EQ(linked, 6400 * (5050 - 36 * 37 / 2));
}

TEST(StoreTest, AddressesAreKeptRelativeToTheirFile) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  for (const uint64_t base : {0x1000u, 0x700000u}) {
    Profile profile = TestProfile(kT, {{{"main"}, 640, {}}});
    profile.mappings[0] = {base, base + 0x8000, 0x200, "/bin/shop", "abcd"};
    profile.locations[0] = {0, base + 0x10, {}};
    MustAppend(store.get(),
               ProfileUnit(TestResource("cart", "1.0", std::to_string(base)), profile));
  }
  const auto profile = store->ReadProfile({});
  EXPECT_THAT(InUse(*profile), ElementsAre(std::pair("0x210", 1280)));
}

TEST(StoreTest, DeepStacksAreCutAtTheRoot) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  const std::vector<std::string> deep(2000, "f");
  MustAppend(store.get(),
             ProfileUnit(TestResource("cart", "1.0", "a"), TestProfile(kT, {{deep, 640, {}}})));
  const auto profile = store->ReadProfile({});
  const auto frames = FramesOf(*profile, profile->samples.at(0));
  EXPECT_EQ(frames.size(), 513u);
  EXPECT_EQ(frames.back().function, "[truncated]");
}

TEST(StoreTest, WithoutProfilesThereIsNoneToRead) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  const auto none = store->ReadProfile({.filter = {.service = "cart"}});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("cart"));
}

TEST(StoreTest, AProfileWithoutHeapValuesIsCountedNotKept) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  Profile cpu = TestProfile(kT, {{{"main"}, 640, {}}});
  cpu.sample_types = {{"samples", "count"}, {"cpu", "nanoseconds"}, {"a", "b"}, {"c", "d"}};
  MustAppend(store.get(), ProfileUnit(TestResource("cart", "1.0", "a"), cpu));
  EXPECT_EQ(store->stats().unusable_profiles, 1u);
  EXPECT_EQ(store->stats().committed_profiles, 0u);
}

TEST(StoreTest, GrowthComparesInstancesOfBothQuarters) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  // v1 grows by 6,000 bytes an hour on each of two instances; v2 appears in the last quarter only.
  for (int minute = 0; minute <= 60; minute += 5) {
    const int64_t time_ns = kT + minute * kNsPerMinute;
    for (const char* instance : {"a", "b"}) {
      MustAppend(store.get(),
                 ProfileUnit(TestResource("cart", "v1", instance),
                             TestProfile(time_ns, {{{"grow", "main"}, 1000 + minute * 100, {}},
                                                   {{"flat", "main"}, 5000, {}}})));
    }
    if (minute >= 50) {
      MustAppend(store.get(), ProfileUnit(TestResource("cart", "v2", "c"),
                                          TestProfile(time_ns, {{{"grow", "main"}, 900'000, {}}})));
    }
  }
  const auto versions = store->ReadGrowth({.filter = {.service = "cart"}});
  ASSERT_TRUE(versions) << versions.error().message;
  ASSERT_EQ(versions->size(), 1u);
  EXPECT_EQ((*versions)[0].target.version, "v1");
  EXPECT_EQ((*versions)[0].instances, 2u);
  EXPECT_NEAR((*versions)[0].bytes_per_hour, 12'000, 1);
  const auto instances = store->ReadGrowth({.by = GrowthBy::kInstance});
  ASSERT_EQ(instances->size(), 2u);
  EXPECT_NEAR((*instances)[1].bytes_per_hour, 6'000, 1);
  const auto functions = store->ReadGrowth({.by = GrowthBy::kFunction});
  ASSERT_EQ(functions->size(), 3u);
  for (const GrowthRow& row : *functions) {
    const bool flat = row.function == "flat";
    EXPECT_NEAR(row.bytes_per_hour, flat ? 0 : 12'000, 1) << row.function;
    EXPECT_NEAR(row.self_bytes_per_hour, row.function == "grow" ? 12'000 : 0, 1) << row.function;
  }
  EXPECT_TRUE((*store->ReadGrowth({.to_ns = kT + 1})).empty());
}

TEST(StoreTest, ADocumentReplacesTheOneOfItsName) {
  TestDirectory directory;
  const auto store = MustOpen(TestOptions(directory.path()));
  ASSERT_TRUE(store->PutDocument({"incident", "i1", "old", 1}));
  ASSERT_TRUE(store->PutDocument({"incident", "i2", "two", 2}));
  ASSERT_TRUE(store->PutDocument({"capture", "i1", "other kind", 3}));
  ASSERT_TRUE(store->PutDocument({"incident", "i1", "new", 4}));
  const auto documents = *store->ReadDocuments("incident");
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].payload, "two");
  EXPECT_EQ(documents[1].payload, "new");
  EXPECT_EQ(documents[1].updated_ns, 4);
  const auto refused = store->PutDocument({"capture", "big", std::string((16 << 20) + 1, 'x'), 5});
  EXPECT_EQ(refused.error().code, ErrorCode::kResourceExhausted);
}

TEST(StoreTest, ManyVersionsOfADocumentAreCompacted) {
  TestDirectory directory;
  StoreOptions options = TestOptions(directory.path());
  options.housekeeping_interval_ns = 0;
  options.commit_interval_ns = 0;
  const auto store = MustOpen(options);
  for (int i = 0; i < 1'100; ++i) {
    ASSERT_TRUE(store->PutDocument({"incident", std::to_string(i % 2), std::to_string(i), i}));
  }
  const auto documents = *store->ReadDocuments("incident");
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0].payload, "1098");
  EXPECT_EQ(documents[1].payload, "1099");
  EXPECT_EQ(store->stats().failed_housekeeping, 0u);
}

TEST(StoreTest, LastSeenIsExactAfterACleanEndAndACrashLikeOne) {
  TestDirectory directory;
  const Resource resource = TestResource("cart", "1.0", "a");
  {
    const auto store = MustOpen(TestOptions(directory.path()));
    for (const int64_t second : {0, 10, 59, 61, 70, 100}) {
      MustAppend(store.get(), PointUnit(resource, {Gauge("heap", kT + second * kNsPerSecond, 1)}));
    }
    EXPECT_EQ((*store->ReadTargets()).at(0).last_seen_ns, kT + 100 * kNsPerSecond);
  }
  const auto store = MustOpen(TestOptions(directory.path()));
  EXPECT_EQ((*store->ReadTargets()).at(0).first_seen_ns, kT);
  EXPECT_EQ((*store->ReadTargets()).at(0).last_seen_ns, kT + 100 * kNsPerSecond);
}

}  // namespace
}  // namespace tidemark
