#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <protozero/pbf_writer.hpp>

#include "codec/describe_for_tests.h"
#include "codec/otlp.h"

namespace tidemark {
namespace {

using protozero::pbf_writer;
using ::testing::HasSubstr;

// Fields of Sample in the order of layout L6.
struct SampleSpec {
  int64_t stack = 0;
  std::vector<int32_t> attributes;
  int64_t link = 0;
  std::vector<int64_t> values;
  std::vector<uint64_t> timestamps;
};

using Write = std::function<void(pbf_writer&)>;

void WriteSample(pbf_writer& profile, const SampleSpec& spec) {
  pbf_writer sample(profile, 2);
  if (spec.stack != 0) sample.add_int64(1, spec.stack);
  sample.add_packed_int32(2, spec.attributes.begin(), spec.attributes.end());
  if (spec.link != 0) sample.add_int64(3, spec.link);
  sample.add_packed_int64(4, spec.values.begin(), spec.values.end());
  sample.add_packed_fixed64(5, spec.timestamps.begin(), spec.timestamps.end());
}

// strings: 1 space, 2 bytes, 3 objects, 4 key; one function, location, stack and attribute at
// index 1.
void WriteDictionary(pbf_writer& request) {
  pbf_writer dictionary(request, 2);
  for (const uint32_t table : {1, 2, 3, 4, 6, 7}) dictionary.add_string(table, "");
  { pbf_writer(dictionary, 2).add_uint64(2, 0x1000); }
  { pbf_writer(dictionary, 6).add_int32(1, 4); }
  const int32_t stack[] = {1};
  { pbf_writer(dictionary, 7).add_packed_int32(1, stack, stack + 1); }
  for (const char* text : {"", "space", "bytes", "objects", "key"}) dictionary.add_string(5, text);
}

// A request with the given profiles, each of the sample type at the string index beside it.
std::string Request(const std::vector<std::pair<int32_t, Write>>& profiles) {
  std::string out;
  {
    pbf_writer request(out);
    {
      pbf_writer resource_profiles(request, 1);
      pbf_writer scope(resource_profiles, 2);
      for (const auto& [type, write] : profiles) {
        pbf_writer profile(scope, 2);
        { pbf_writer(profile, 1).add_int32(1, type); }
        profile.add_fixed64(3, 77);
        write(profile);
      }
    }
    WriteDictionary(request);
  }
  return out;
}

Write Samples(std::vector<SampleSpec> specs) {
  return [specs = std::move(specs)](pbf_writer& profile) {
    for (const SampleSpec& spec : specs) WriteSample(profile, spec);
  };
}

Result<DecodedProfiles> Decode(const std::string& body) {
  return DecodeProfiles(body, OtlpEncoding::kProtobuf);
}

TEST(OtlpProfilesTest, BrokenProfileIsRefusedAndItsNeighbourKept) {
  const std::pair<const char*, SampleSpec> kCases[] = {
      {"stack index 9 is outside", {.stack = 9, .values = {1}}},
      {"stack index -1 is outside", {.stack = -1, .values = {1}}},
      {"attribute index 5 is outside", {.attributes = {5}, .values = {1}}},
      {"link index 3 is outside", {.link = 3, .values = {1}}},
      {"0 values and 0 timestamps", {.stack = 1}},
      {"2 values and 1 timestamps", {.stack = 1, .values = {1, 2}, .timestamps = {5}}},
  };
  for (const auto& [reason, broken] : kCases) {
    const SampleSpec good{.stack = 1, .values = {64}};
    const auto decoded =
        Decode(Request({{1, Samples({good})}, {3, Samples({good, {.values = {2}}, broken})}}));
    ASSERT_TRUE(decoded) << reason << decoded.error().message;
    EXPECT_EQ(decoded->rejected.items, 1) << reason;
    EXPECT_THAT(decoded->rejected.message, HasSubstr(reason));
    ASSERT_EQ(decoded->batches.size(), 1u) << reason;
    const Profile& profile = decoded->batches[0].profile;
    ASSERT_TRUE(Validate(profile)) << reason;
    EXPECT_EQ(profile.sample_types, (std::vector<ValueType>{{"space", ""}}));
    EXPECT_EQ(profile.samples.size(), 1u) << reason;
    EXPECT_EQ(profile.Total(0), 64) << reason;
  }
}

TEST(OtlpProfilesTest, ProfilesJoinByTimeAndSamplesByIdentity) {
  const auto decoded = Decode(Request({
      {3, Samples({{.stack = 1, .attributes = {1}, .values = {1}}, {.stack = 1, .values = {2}}})},
      {1, Samples({{.stack = 1, .values = {20}},
                   {.stack = 0, .values = {30}},
                   {.stack = 1, .attributes = {1, 1}, .values = {10}}})},
  }));
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->batches.size(), 1u);
  const Profile& profile = decoded->batches[0].profile;
  ASSERT_EQ(profile.samples.size(), 3u);
  EXPECT_EQ(profile.samples[0].values, (std::vector<int64_t>{1, 10}));
  EXPECT_EQ(profile.samples[1].values, (std::vector<int64_t>{2, 20}));
  EXPECT_EQ(profile.samples[2].values, (std::vector<int64_t>{0, 30}));
}

TEST(OtlpProfilesTest, SecondProfileOfATypeBeginsAnother) {
  const Write one = Samples({{.stack = 1, .values = {1}}});
  const auto decoded = Decode(Request({{1, one}, {3, one}, {1, one}, {3, one}}));
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->batches.size(), 2u);
  EXPECT_EQ(decoded->batches[1].profile.sample_types.size(), 2u);
}

TEST(OtlpProfilesTest, TimestampsCountOneEach) {
  const auto decoded = Decode(Request({{1, Samples({{.stack = 1, .timestamps = {5, 6, 7}}})}}));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches.at(0).profile.Total(0), 3);
}

TEST(OtlpProfilesTest, LayoutL4HasCommentsAndAttributesElsewhere) {
  const auto decoded =
      Decode(Request({{1, [](pbf_writer& profile) {
                         {
                           pbf_writer sample(profile, 2);
                           sample.add_int32(1, 1);
                           const int64_t values[] = {64};
                           sample.add_packed_int64(2, values, values + 1);
                         }
                         const int32_t comments[] = {4};
                         profile.add_packed_int32(7, comments, comments + 1);
                         profile.add_bytes(8, std::string(16, '\7'));  // profile_id: the mark of L4
                       }}}));
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->batches.size(), 1u) << decoded->rejected.message;
  EXPECT_EQ(decoded->batches[0].profile.comments, std::vector<std::string>{"key"});
  EXPECT_EQ(decoded->batches[0].profile.Total(0), 64);
}

TEST(OtlpProfilesTest, OlderLayoutsAreRefusedByRelease) {
  const auto without_dictionary = [](const Write& write) {
    std::string out;
    pbf_writer request(out);
    {
      pbf_writer resource_profiles(request, 1);
      pbf_writer scope(resource_profiles, 2);
      pbf_writer profile(scope, 2);
      write(profile);
    }
    return out;
  };
  const std::pair<const char*, std::string> kCases[] = {
      {"v1.4 or v1.5", without_dictionary([](pbf_writer& p) {
         p.add_string(4, "");
         p.add_string(10, "main");
       })},
      {"v1.6", without_dictionary([](pbf_writer& p) { p.add_int64(4, 1); })},
      {"v1.7", Request({{1, [](pbf_writer& p) { p.add_int64(5, 1); }}})},
  };
  for (const auto& [release, body] : kCases) {
    const auto decoded = Decode(body);
    ASSERT_FALSE(decoded) << release;
    EXPECT_THAT(decoded.error().message, HasSubstr(release));
  }
}

// 2000 samples that share a stack of 100,000 frames would take 800 MB.
TEST(OtlpProfilesTest, SharedStacksAreNotCopiedWithoutLimit) {
  std::string out;
  {
    pbf_writer request(out);
    {
      pbf_writer resource_profiles(request, 1);
      pbf_writer scope(resource_profiles, 2);
      pbf_writer profile(scope, 2);
      { pbf_writer(profile, 1).add_int32(1, 1); }
      profile.add_fixed64(3, 77);
      for (int32_t i = 0; i < 2000; ++i)
        WriteSample(profile, {.stack = 2, .attributes = {i + 1}, .values = {1}});
    }
    WriteDictionary(request);
    pbf_writer dictionary(request, 2);  // a second part of it: tables go on
    const std::vector<int32_t> frames(100'000, 1);
    { pbf_writer(dictionary, 7).add_packed_int32(1, frames.begin(), frames.end()); }
    for (int i = 0; i < 2000; ++i) pbf_writer(dictionary, 6).add_int32(1, 4);
  }
  const auto decoded = Decode(out);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->batches.empty());
  EXPECT_THAT(decoded->rejected.message, HasSubstr("grow to more than 536870912 bytes"));
}

// A stack of 4 MB that holds nothing costs time each time it is named: 2000 times are 8 GB to read.
TEST(OtlpProfilesTest, SharedEntriesAreNotReadWithoutLimit) {
  std::string out;
  {
    pbf_writer request(out);
    {
      pbf_writer resource_profiles(request, 1);
      pbf_writer scope(resource_profiles, 2);
      pbf_writer profile(scope, 2);
      { pbf_writer(profile, 1).add_int32(1, 1); }
      profile.add_fixed64(3, 77);
      for (int32_t i = 0; i < 2000; ++i)
        WriteSample(profile, {.stack = 2, .attributes = {i + 1}, .values = {1}});
    }
    WriteDictionary(request);
    pbf_writer dictionary(request, 2);
    const std::vector<int32_t> frames(4'000'000, 0);
    { pbf_writer(dictionary, 7).add_packed_int32(1, frames.begin(), frames.end()); }
    for (int i = 0; i < 2000; ++i) pbf_writer(dictionary, 6).add_int32(1, 4);
  }
  const auto decoded = Decode(out);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->rejected.items, 1);
  EXPECT_THAT(decoded->rejected.message, HasSubstr("grow to more than 536870912 bytes"));
}

TEST(OtlpProfilesTest, ColumnsOfOneProfileAreLimited) {
  std::string out;
  {
    pbf_writer request(out);
    {
      pbf_writer resource_profiles(request, 1);
      pbf_writer scope(resource_profiles, 2);
      for (int32_t i = 0; i < 40; ++i) {
        pbf_writer profile(scope, 2);
        { pbf_writer(profile, 1).add_int32(1, 5 + i); }
        profile.add_fixed64(3, 77);
        WriteSample(profile, {.stack = 1, .values = {1}});
      }
    }
    WriteDictionary(request);
    pbf_writer dictionary(request, 2);
    for (int i = 0; i < 40; ++i) dictionary.add_string(5, "type" + std::to_string(i));
  }
  const auto decoded = Decode(out);
  ASSERT_TRUE(decoded);
  ASSERT_EQ(decoded->batches.size(), 2u) << decoded->rejected.message;
  EXPECT_EQ(decoded->batches[0].profile.sample_types.size(), 32u);
  EXPECT_EQ(decoded->batches[1].profile.sample_types.size(), 8u);
}

}  // namespace
}  // namespace tidemark
