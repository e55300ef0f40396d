#include "codec/pprof.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>

#include "base/gzip.h"
#include "codec/describe_for_tests.h"
#include "codec/heap_text.h"

namespace tidemark {
namespace {

using codec::ReadGolden;
using protozero::pbf_writer;
using ::testing::HasSubstr;

// Bytes of samples whose stack has a function of that name.
int64_t BytesUnder(const Profile& profile, const std::string& function,
                   const std::string& type = "inuse_space") {
  int64_t total = 0;
  const uint32_t column = profile.TypeIndex(type);
  for (const Sample& sample : profile.samples) {
    bool found = false;
    for (const uint32_t location : sample.locations) {
      for (const Line& line : profile.locations[location].lines) {
        found |= profile.functions[line.function].name == function;
      }
    }
    if (found) total += sample.values.at(column);
  }
  return total;
}

TEST(PprofTest, GoHeapProfileIsRead) {
  const auto profile = DecodeProfile(ReadGolden("go_heap.pb.gz"));
  ASSERT_TRUE(profile) << profile.error().message;
  ASSERT_TRUE(Validate(*profile));
  EXPECT_EQ(profile->sample_types.size(), 4u);
  EXPECT_EQ(profile->period, 1);
  EXPECT_EQ(profile->sample_types.at(3), (ValueType{"inuse_space", "bytes"}));
  // 64 blocks of 64 KiB and the slice that holds them (1536 bytes for 64 headers of 24).
  EXPECT_EQ(BytesUnder(*profile, "main.keep"), 64 * 65536 + 1792);
}

TEST(PprofTest, GoTextSaysTheSameAsProtobuf) {
  const auto text = DecodeProfile(ReadGolden("go_heap_debug1.txt"));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(text->period, 1);  // printed as 2
  int files = 0;
  for (const Function& function : text->functions)
    files += function.file.ends_with("golden/main.go");
  EXPECT_GT(files, 1);
  const auto inner = std::find_if(text->functions.begin(), text->functions.end(),
                                  [](const Function& f) { return f.name == "main.keep"; });
  ASSERT_NE(inner, text->functions.end());
}

// 3000 blocks of 10,000 bytes, 1000 of them freed (tests/golden/codec/grow.c), every allocation
// recorded.
TEST(PprofTest, GperftoolsHeapProfileIsExact) {
  const auto profile = DecodeProfile(ReadGolden("gperftools.heap"));
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->Total(profile->TypeIndex("inuse_space")), 20'000'000);
  EXPECT_EQ(profile->Total(profile->TypeIndex("inuse_objects")), 2000);
  EXPECT_EQ(profile->Total(profile->TypeIndex("alloc_space")), 30'000'000);
  EXPECT_EQ(profile->mappings.at(0).file, "/opt/grow");
  const Location& leaf = profile->locations.at(profile->samples.at(0).locations.at(0));
  EXPECT_EQ(leaf.address, 0x55ebcf060166u);  // the call, one before the return address
  EXPECT_EQ(leaf.mapping, 0u);
  EXPECT_EQ(profile->samples.at(0).labels, (std::vector<Label>{{"bytes", "", 10000, "bytes"}}));
}

// The same program under jemalloc, sampled at 64 KiB: 265 samples estimate 2000 blocks of 10,240
// usable bytes.
TEST(PprofTest, JemallocProfileIsUnsampledPerStack) {
  const auto profile = DecodeProfile(ReadGolden("jemalloc.heap"));
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->period, 65536);
  EXPECT_EQ(profile->sample_types.size(), 4u);  // prof_accum was on
  const auto& grow = profile->samples.at(0);
  EXPECT_EQ(grow.values, (std::vector<int64_t>{1823, 18766438, 1823, 18766438}));
  EXPECT_EQ(profile->mappings.at(profile->locations.at(grow.locations.at(4)).mapping).file,
            "/opt/grow");
}

TEST(PprofTest, UnsampleFollowsTheFormula) {
  const auto one = codec::Unsample({1, 1024}, 524288);
  EXPECT_EQ(one.count, 513);  // 1 / (1 - exp(-1/512)) = 512.5
  EXPECT_EQ(one.bytes, 524800);
  EXPECT_EQ(codec::Unsample({3, 30}, 1).bytes, 30);
  EXPECT_EQ(codec::Unsample({0, 100}, 524288).bytes, 0);
  EXPECT_EQ(codec::Unsample({INT64_MAX, INT64_MAX}, INT64_MAX).count, int64_t{1} << 62);
}

TEST(PprofTest, TextHeadersDecideColumnsAndScale) {
  struct Case {
    const char* header;
    const char* first_type;
    size_t columns;
    int64_t period;
    int64_t bytes;  // of a row of 1 object, 1024 bytes
  };
  const Case kCases[] = {
      {"heap profile: 1: 1024 [1: 1024] @ heap_v2/524288", "objects", 2, 524288, 524800},
      {"heap profile: 1: 1024 [1: 1024] @ heap/1048576", "objects", 2, 524288, 524800},
      {"heap profile: 1: 1024 [1: 1024] @ heap", "objects", 2, 131072, 131585},
      {"heap profile: 1: 1024 [9: 9999] @ heapprofile", "alloc_objects", 4, 1, 1024},
      {"heap profile: 1: 1024 [0: 0] @ heapprofile", "objects", 2, 1, 1024},
      {"heap profile: 1: 1024 [1: 1024] @ growth", "growth_objects", 2, 1, 1024},
      {"%warn sampling is off\nheap profile: 1: 1024 [1: 1024] @ heap_v2/1", "objects", 2, 1, 1024},
  };
  for (const Case& c : kCases) {
    const auto profile =
        DecodeProfile(std::string(c.header) + "\n 1: 1024 [1: 1024] @ 0x10 0x20\n");
    ASSERT_TRUE(profile) << c.header << profile.error().message;
    EXPECT_EQ(profile->sample_types.size(), c.columns) << c.header;
    EXPECT_EQ(profile->sample_types.at(0).type, c.first_type) << c.header;
    EXPECT_EQ(profile->period, c.period) << c.header;
    EXPECT_EQ(profile->samples.at(0).values.back(), c.bytes) << c.header;
  }
}

TEST(PprofTest, BadTextIsNamedByItsLine) {
  const std::pair<const char*, const char*> kCases[] = {
      {"heap profile: x", "line 1: got \"heap profile: x\""},
      {"heap profile: 1: 1 [1: 1] @ heapprofile\n1: 1 [1: 1] @ 0x1\nrubbish\n",
       "line 3: got \"rubbish\""},
      {"heap profile: 1: 1 [1: 1] @ heapprofile\n1: 1 [1: 1] @ 12\n", "line 2"},
      {"heap_v2/0", "line 1"},
      {"heap_v2/512\n@ 0x1\n t*: x\n", "line 3"},
      {"%warn", "line 1"},
  };
  for (const auto& [text, message] : kCases) {
    const auto profile = DecodeProfile(text);
    ASSERT_FALSE(profile) << text;
    EXPECT_THAT(profile.error().message, HasSubstr(message));
  }
}

// A profile whose fields are given as raw writers, beside one sample type and the string table.
template <typename F>
std::string Raw(F write) {
  std::string out;
  pbf_writer profile(out);
  { pbf_writer(profile, 1).add_int64(1, 1); }
  write(profile);
  profile.add_string(6, "");
  profile.add_string(6, "space");
  return out;
}

TEST(PprofTest, BrokenProfilesAreRefusedByName) {
  const std::pair<const char*, std::string> kCases[] = {
      {"names location 7", Raw([](pbf_writer& p) {
         pbf_writer s(p, 2);
         s.add_uint64(1, 7);
         s.add_int64(2, 1);
       })},
      {"has 2 values for 1", Raw([](pbf_writer& p) {
         pbf_writer s(p, 2);
         s.add_int64(2, 1);
         s.add_int64(2, 1);
       })},
      {"has 0 values for 1", Raw([](pbf_writer& p) { pbf_writer(p, 2).add_uint64(9, 1); })},
      {"mapping id 0", Raw([](pbf_writer& p) { pbf_writer(p, 3).add_uint64(2, 1); })},
      {"location id 3 is 0 or given twice", Raw([](pbf_writer& p) {
         for (int i = 0; i < 2; ++i) pbf_writer(p, 4).add_uint64(1, 3);
       })},
      {"function id 1234567", Raw([](pbf_writer& p) {
         for (int i = 0; i < 2; ++i) pbf_writer(p, 5).add_uint64(1, 1234567);
       })},
      {"line in function 5", Raw([](pbf_writer& p) {
         pbf_writer l(p, 4);
         l.add_uint64(1, 1);
         pbf_writer(l, 4).add_uint64(1, 5);
       })},
      {"string index 2 is outside", Raw([](pbf_writer& p) { p.add_int64(13, 2); })},
      {"string index -1 is outside", Raw([](pbf_writer& p) { p.add_int64(14, -1); })},
      {"no sample types", std::string("\x48\x01", 2)},
      {"malformed protobuf", "\x0a\xff"},
      {"0 bytes", ""},
  };
  for (const auto& [message, bytes] : kCases) {
    const auto profile = DecodeProfile(bytes);
    ASSERT_FALSE(profile) << message;
    EXPECT_EQ(profile.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(profile.error().message, HasSubstr(message));
  }
}

TEST(PprofTest, PackedAndUnpackedAndSplitListsAreTheSame) {
  const std::string bytes = Raw([](pbf_writer& p) {
    for (const uint64_t id : {0xffffffff81000000u, 2ul, 3ul}) pbf_writer(p, 4).add_uint64(1, id);
    pbf_writer s(p, 2);
    s.add_uint64(1, 0xffffffff81000000u);
    const uint64_t rest[] = {2, 3};
    s.add_packed_uint64(1, rest, rest + 2);
    s.add_int64(2, -5);
  });
  const auto profile = DecodeProfile(bytes);
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->samples.at(0).locations, (std::vector<uint32_t>{0, 1, 2}));
  EXPECT_EQ(profile->samples.at(0).values.at(0), -5);
}

// An empty message in protobuf's eyes, which a writer may leave out. The fuzzer found it.
TEST(PprofTest, SampleTypesWithoutNamesKeepTheirPlaces) {
  Profile profile;
  profile.sample_types = {{"", ""}, {"inuse_space", "bytes"}};
  Sample& sample = profile.samples.emplace_back();
  sample.values = {7, 4096};
  const auto again = DecodeProfile(EncodePprof(profile));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->sample_types, profile.sample_types);
  EXPECT_EQ(again->samples.at(0).values, sample.values);
}

TEST(PprofTest, LimitsAreKept) {
  EXPECT_EQ(DecodeProfile(Gzip(std::string(5000, 'x')), {.max_inflated_bytes = 4096}).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(DecodeProfile(Raw([](pbf_writer&) {}), {.max_table_entries = 2}).error().code,
            ErrorCode::kResourceExhausted);
  EXPECT_EQ(DecodeProfile("heap_v2/512\n@ 0x1 0x2 0x3\n", {.max_table_entries = 2}).error().code,
            ErrorCode::kResourceExhausted);
}

// 30,000 labels that all name one string of 100 kB would take 3 GB.
TEST(PprofTest, SharedStringsAreNotCopiedWithoutLimit) {
  std::string out;
  pbf_writer profile(out);
  { pbf_writer(profile, 1).add_int64(1, 1); }
  {
    pbf_writer sample(profile, 2);
    sample.add_int64(2, 1);
    for (int i = 0; i < 30000; ++i) pbf_writer(sample, 3).add_int64(1, 1);
  }
  profile.add_string(6, "");
  profile.add_string(6, std::string(100'000, 'x'));
  const auto decoded = DecodeProfile(out);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace tidemark
