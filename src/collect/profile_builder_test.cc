#include "collect/profile_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace tidemark {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LedgerSample SampleOf(uint32_t stack, double bytes, double objects, uint8_t trace = 0,
                      uint8_t span = 0) {
  LedgerSample sample;
  sample.size = 100;
  sample.bytes = bytes;
  sample.objects = objects;
  sample.stack = stack;
  sample.has_span = trace != 0;
  sample.trace_id[15] = trace;
  sample.span_id[7] = span;
  return sample;
}

// Two stacks of one module that no file stands behind, stack 0 included.
LedgerSnapshot Ledger() {
  LedgerSnapshot ledger;
  ledger.header.pid = 42;
  ledger.header.sample_bytes = 1000;
  ledger.header.exe_path = "/srv/absent/main";
  ledger.header.losses[static_cast<size_t>(ledger::Loss::kLockBusy)] = 3;
  ledger.modules = {
      {.start = 0x5000, .limit = 0x6000, .path = "/srv/absent/lib.so"},
      {.start = 0x1000, .limit = 0x2000, .build_id = "\x0a\xff", .path = "/srv/absent/main"}};
  ledger.stacks = {{}, {{0x1100, 0x1200}, 5, 5000, 50}, {{0x5100, 0x1200}, 1, 1000, 10}};
  return ledger;
}

Profile Build(const LedgerSnapshot& ledger, size_t max_samples = 20'000) {
  Symbolizer symbolizer;
  ProfileOptions options;
  options.time_ns = 7;
  options.max_samples = max_samples;
  options.annotations = {{"trigger", "test"}, {"version", ""}};
  Profile profile = BuildProfile(ledger, symbolizer, options);
  const auto valid = Validate(profile);
  EXPECT_TRUE(valid) << valid.error().message;
  return profile;
}

TEST(ProfileBuilderTest, TypesStandInGosOrder) {
  const Profile profile = Build(Ledger());
  EXPECT_THAT(profile.sample_types,
              ElementsAre(ValueType{"alloc_objects", "count"}, ValueType{"alloc_space", "bytes"},
                          ValueType{"inuse_objects", "count"}, ValueType{"inuse_space", "bytes"}));
  EXPECT_EQ(profile.default_sample_type, "inuse_space");
  EXPECT_EQ(profile.period, 1000);
  EXPECT_EQ(profile.period_type, (ValueType{"space", "bytes"}));
  EXPECT_EQ(profile.time_ns, 7);
}

TEST(ProfileBuilderTest, AgesAreToldApartByPowersOfTwo) {
  LedgerSnapshot ledger = Ledger();
  const auto aged = [](int64_t seconds, uint8_t span) {
    LedgerSample sample = SampleOf(1, 1000, 10, span, span);
    sample.alloc_unix_ns = (1000 - seconds) * 1'000'000'000;
    return sample;
  };
  ledger.live = {aged(0, 0), aged(70, 0), aged(100, 0), aged(600, 0), aged(600, 3), aged(-9, 0)};
  Symbolizer symbolizer;
  std::vector<double> variances;
  const Profile profile = BuildProfile(
      ledger, symbolizer, {.time_ns = 1000LL * 1'000'000'000, .ages = true}, &variances);
  std::map<int64_t, int64_t> bytes;  // by age
  for (const Sample& sample : profile.samples) {
    for (const Label& label : sample.labels) {
      if (label.key == "age") bytes[label.number] += sample.values[3];
    }
  }
  EXPECT_EQ(bytes, (std::map<int64_t, int64_t>{{0, 2000}, {64, 2000}, {512, 2000}}));
  EXPECT_EQ(profile.Total(profile.TypeIndex("inuse_space")), 6000);
  EXPECT_EQ(profile.Total(profile.TypeIndex("alloc_space")), 6000);
  ASSERT_EQ(variances.size(), profile.samples.size());
  double sum = 0;
  for (const double each : variances) sum += each;
  EXPECT_DOUBLE_EQ(sum, 6 * 1000.0 * (1000 - 100));
}

TEST(ProfileBuilderTest, LiveSamplesAreJoinedByStackAndSpan) {
  LedgerSnapshot ledger = Ledger();
  ledger.live = {SampleOf(1, 1000, 10), SampleOf(1, 1000, 10), SampleOf(1, 500, 5, 1, 2),
                 SampleOf(1, 500, 5, 1, 2), SampleOf(1, 300, 3, 1, 3)};
  const Profile profile = Build(ledger);
  ASSERT_EQ(profile.samples.size(), 4u);
  EXPECT_THAT(profile.samples[0].values, ElementsAre(50, 5000, 20, 2000));
  EXPECT_TRUE(profile.samples[0].labels.empty());
  EXPECT_THAT(profile.samples[1].values, ElementsAre(10, 1000, 0, 0));
  EXPECT_THAT(profile.samples[2].values, ElementsAre(0, 0, 10, 1000));
  EXPECT_THAT(profile.samples[2].labels,
              ElementsAre(Label{"trace_id", "00000000000000000000000000000001"},
                          Label{"span_id", "0000000000000002"}));
  EXPECT_THAT(profile.samples[3].values, ElementsAre(0, 0, 3, 300));
}

TEST(ProfileBuilderTest, BeyondTheLimitTheLightestLoseTheirSpanButNoBytes) {
  LedgerSnapshot ledger = Ledger();
  for (uint8_t i = 1; i <= 100; ++i) ledger.live.push_back(SampleOf(1, 10.0 * i, 1, 1, i));
  const Profile profile = Build(ledger, 3 + 5);  // three stacks, five spans
  const auto labelled = std::count_if(profile.samples.begin(), profile.samples.end(),
                                      [](const Sample& s) { return !s.labels.empty(); });
  EXPECT_EQ(labelled, 5);
  EXPECT_EQ(profile.Total(3), 10 * 100 * 101 / 2);
  EXPECT_EQ(profile.samples.back().values[3] >= 960, true);
  EXPECT_THAT(profile.comments, Contains("spans_merged: 95"));
}

TEST(ProfileBuilderTest, MainProgramIsTheFirstMappingAndAddressesKeepTheirs) {
  const Profile profile = Build(Ledger());
  ASSERT_EQ(profile.mappings.size(), 2u);
  EXPECT_EQ(profile.mappings[0].file, "/srv/absent/main");
  EXPECT_EQ(profile.mappings[0].build_id, "0aff");
  const Sample& second = profile.samples[1];
  EXPECT_EQ(profile.locations[second.locations[0]].mapping, 1u);
  EXPECT_EQ(profile.locations[second.locations[0]].address, 0x5100u);
  EXPECT_EQ(profile.locations[second.locations[1]].mapping, 0u);
  EXPECT_EQ(profile.samples[0].locations[1], second.locations[1]) << "one location an address";
}

TEST(ProfileBuilderTest, StackThatWasNotKeptSaysSo) {
  LedgerSnapshot ledger = Ledger();
  ledger.live = {SampleOf(0, 1000, 10)};
  const Profile profile = Build(ledger);
  ASSERT_EQ(profile.samples[0].locations.size(), 1u);
  const Location& location = profile.locations[profile.samples[0].locations[0]];
  EXPECT_EQ(profile.functions[location.lines.at(0).function].name, "[stack not recorded]");
  EXPECT_EQ(location.mapping, kNoIndex);
}

TEST(ProfileBuilderTest, CommentsSayWhereTheProfileComesFromAndWhatIsMissing) {
  LedgerSnapshot ledger = Ledger();
  ledger.damaged = 2;
  const auto comments = Build(ledger).comments;
  EXPECT_THAT(comments, Contains("pid: 42"));
  EXPECT_THAT(comments, Contains("trigger: test"));
  EXPECT_THAT(comments, Contains("lost, lock busy: 3"));
  EXPECT_THAT(comments, Contains("damaged_slots: 2"));
  EXPECT_THAT(comments, Contains(HasSubstr("no_symbols: cannot open /srv/absent/main")));
  EXPECT_THAT(comments, ::testing::Not(Contains(HasSubstr("version:"))));
}

TEST(ProfileBuilderTest, TotalsCarryTheErrorOfSampling) {
  LedgerSnapshot ledger = Ledger();
  // Blocks of 100 bytes that stand for 1000 each: variance 1000 * 900 a sample.
  ledger.live = {SampleOf(1, 1000, 10), SampleOf(2, 1000, 10), SampleOf(2, 1000, 10),
                 SampleOf(2, 1000, 10)};
  const LiveTotals totals = TotalsOf(ledger);
  EXPECT_DOUBLE_EQ(totals.bytes, 4000);
  EXPECT_DOUBLE_EQ(totals.objects, 40);
  EXPECT_DOUBLE_EQ(totals.alloc_bytes, 6000);
  EXPECT_NEAR(totals.sigma_bytes, 1897.4, 0.1);
}

}  // namespace
}  // namespace tidemark
