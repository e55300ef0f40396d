// decode(encode(x)) == x for random x. The seed is printed with a failure.
#include <gtest/gtest.h>

#include <random>

#include "codec/describe_for_tests.h"
#include "codec/otlp.h"
#include "codec/pprof.h"

namespace tidemark {
namespace {

using codec::Describe;
constexpr auto kProtobuf = OtlpEncoding::kProtobuf;
constexpr int kRounds = 300;

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  uint64_t Below(uint64_t limit) { return engine_() % limit; }
  bool Coin() { return Below(2) == 0; }
  // Small and extreme numbers alike.
  int64_t Number() { return static_cast<int64_t>(engine_()) >> Below(64); }
  int64_t Time() { return 1 + static_cast<int64_t>(engine_() >> 1 >> Below(40)) % INT64_MAX; }
  std::string Text() {
    static const std::vector<std::string> kPieces = {"a",  "Z", "0", "/",  "\"",   "\\",
                                                     "\n", "é", "→", "😀", "\x01", ","};
    std::string text;
    for (uint64_t i = Below(6); i > 0; --i) text += kPieces[Below(kPieces.size())];
    return text;
  }
  std::string Name() { return "n" + Text(); }

  Attributes SomeAttributes() {
    Attributes attributes;
    for (uint64_t i = Below(4); i > 0; --i) attributes.emplace_back(Name(), Text());
    Normalize(&attributes);
    return attributes;
  }

  Resource SomeResource() {
    Resource resource;
    resource.attributes = SomeAttributes();
    if (Coin()) resource.attributes.emplace_back("service.name", Text());
    if (Coin()) resource.attributes.emplace_back("service.version", Text());
    if (Coin()) resource.attributes.emplace_back("host.name", Text());
    Normalize(&resource.attributes);
    resource.target = TargetOf(resource.attributes);
    return resource;
  }

 private:
  std::mt19937_64 engine_;
};

TEST(OtlpRoundTripTest, Spans) {
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<SpanBatch> batches(1 + random.Below(3));
    for (SpanBatch& batch : batches) {
      batch.resource = random.SomeResource();
      for (uint64_t i = 1 + random.Below(4); i > 0; --i) {
        Span span{.trace_id = {random.Below(9), 1 + random.Below(9)},
                  .span_id = SpanId{1 + random.Below(9)},
                  .name = random.Text(),
                  .route = random.Text(),
                  .kind = static_cast<SpanKind>(random.Below(6)),
                  .error = random.Coin(),
                  .start_ns = random.Time()};
        if (random.Coin()) span.parent_id = SpanId{1 + random.Below(99)};
        span.end_ns = std::max(span.start_ns, random.Time());
        batch.spans.push_back(span);
      }
    }
    const auto decoded = DecodeTraces(EncodeTracesRequest(batches), kProtobuf);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->rejected.items, 0) << decoded->rejected.message;
    EXPECT_EQ(Describe(decoded->batches), Describe(batches));
  }
}

TEST(OtlpRoundTripTest, Points) {
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<MetricBatch> batches(1 + random.Below(3));
    for (MetricBatch& batch : batches) {
      batch.resource = random.SomeResource();
      for (uint64_t i = 1 + random.Below(5); i > 0; --i) {
        Point point{.metric = random.Name(),
                    .attributes = random.SomeAttributes(),
                    .unit = random.Text(),
                    .kind = random.Coin() ? PointKind::kCounter : PointKind::kGauge,
                    .time_ns = random.Time(),
                    .value = static_cast<double>(random.Number()) / 3};
        if (point.kind == PointKind::kCounter) point.start_ns = random.Time();
        batch.points.push_back(point);
        if (random.Coin()) batch.points.push_back(point);
      }
    }
    const auto decoded = DecodeMetrics(EncodeMetricsRequest(batches), kProtobuf);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->rejected.items, 0) << decoded->rejected.message;
    EXPECT_EQ(Describe(decoded->batches), Describe(batches));
  }
}

std::vector<Label> SomeLabels(Random& random, size_t sample) {
  // A label of its own tells the samples apart, which are joined otherwise.
  std::vector<Label> labels = {
      {"sample", "", static_cast<int64_t>(sample), random.Coin() ? "unit" : ""}};
  if (random.Coin()) labels.push_back({random.Name(), "t" + random.Text()});
  if (random.Coin()) labels.push_back({"bytes", "", random.Number(), "bytes"});
  if (random.Coin()) labels.push_back({"trace_id", ToHex(TraceId{random.Below(9), 1})});
  if (random.Coin()) labels.push_back({"span_id", ToHex(SpanId{1 + random.Below(9)})});
  return labels;
}

Profile SomeProfile(Random& random) {
  static const std::vector<ValueType> kTypes = {{"alloc_objects", "count"},
                                                {"alloc_space", "bytes"},
                                                {"inuse_objects", "count"},
                                                {"inuse_space", "bytes"}};
  Profile p;
  p.sample_types.assign(kTypes.begin(), kTypes.begin() + 1 + static_cast<long>(random.Below(4)));
  for (uint64_t i = random.Below(3); i > 0; --i) {
    p.mappings.push_back({random.Below(99), random.Below(999), random.Below(9), random.Text(),
                          random.Coin() ? "ab12" : ""});
  }
  for (uint64_t i = 1 + random.Below(4); i > 0; --i) {
    p.functions.push_back({random.Name(), random.Text(), random.Text(), random.Number()});
  }
  for (uint64_t i = 1 + random.Below(5); i > 0; --i) {
    Location location{.address = static_cast<uint64_t>(random.Number())};
    if (!p.mappings.empty() && random.Coin())
      location.mapping = static_cast<uint32_t>(random.Below(p.mappings.size()));
    for (uint64_t j = random.Below(3); j > 0; --j) {
      location.lines.push_back(
          {static_cast<uint32_t>(random.Below(p.functions.size())), random.Number()});
    }
    p.locations.push_back(location);
  }
  for (uint64_t i = 1 + random.Below(5); i > 0; --i) {
    Sample sample;
    for (uint64_t j = random.Below(4); j > 0; --j) {
      sample.locations.push_back(static_cast<uint32_t>(random.Below(p.locations.size())));
    }
    for (size_t j = 0; j < p.sample_types.size(); ++j)
      sample.values.push_back(random.Coin() ? 0 : random.Number());
    sample.labels = SomeLabels(random, i);
    p.samples.push_back(sample);
  }
  p.default_sample_type = random.Text();
  p.drop_frames = random.Text();
  p.keep_frames = random.Text();
  if (random.Coin()) p.period_type = {"space", "bytes"};
  p.period = random.Number();
  p.time_ns = random.Time();
  p.duration_ns = random.Coin() ? 0 : random.Time();
  for (uint64_t i = random.Below(3); i > 0; --i) p.comments.push_back(random.Text());
  return p;
}

TEST(OtlpRoundTripTest, Profiles) {
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<ProfileBatch> batches(1 + random.Below(3));
    for (ProfileBatch& batch : batches) {
      batch.resource = random.SomeResource();
      batch.profile = SomeProfile(random);
    }
    const auto decoded = DecodeProfiles(EncodeProfilesRequest(batches), kProtobuf);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->rejected.items, 0) << decoded->rejected.message;
    EXPECT_EQ(Describe(decoded->batches), Describe(batches));
    for (const ProfileBatch& batch : decoded->batches) EXPECT_TRUE(Validate(batch.profile));
  }
}

TEST(OtlpRoundTripTest, MappingsKeepTheirOrder) {
  Profile p;
  p.sample_types = {{"inuse_space", "bytes"}};
  p.mappings = {{1, 2, 0, "/main", ""}, {3, 4, 0, "/lib.so", ""}};
  p.locations = {{.mapping = 1, .address = 3}, {.mapping = 0, .address = 1}};
  p.samples = {{.locations = {0, 1}, .values = {5}}};
  p.time_ns = 1;
  const auto decoded = DecodeProfiles(EncodeProfilesRequest({{{}, p}}), kProtobuf);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches.at(0).profile.mappings.at(0).file, "/main");
}

TEST(PprofRoundTripTest, Profiles) {
  for (uint64_t seed = 0; seed < kRounds; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const Profile profile = SomeProfile(random);
    const auto decoded = DecodeProfile(EncodePprof(profile));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(Describe(*decoded), Describe(profile));
    EXPECT_TRUE(Validate(*decoded));
    EXPECT_EQ(decoded->locations.size(), profile.locations.size());
    EXPECT_EQ(decoded->mappings.size(), profile.mappings.size());
  }
}

}  // namespace
}  // namespace tidemark
