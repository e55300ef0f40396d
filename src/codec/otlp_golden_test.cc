// Requests that the real definitions wrote (tests/golden/codec/make_golden.py), in both encodings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/describe_for_tests.h"
#include "codec/otlp.h"

namespace tidemark {
namespace {

using codec::Describe;
using codec::ReadGolden;
using ::testing::HasSubstr;

constexpr auto kProtobuf = OtlpEncoding::kProtobuf;
constexpr auto kJson = OtlpEncoding::kJson;

// What make_golden.py's resource() says. JSON of a kvlist keeps the sender's order; an empty value
// is null.
const std::string kResource =
    "checkout|shop|1.4.2|4d63009a-8d0f-11ee/app{debug=true,digest=AP8Q,k8s.container.name=app,"
    "k8s.pod.uid=4d63009a-8d0f-11ee,labels={\"tier\":\"a\\\\\"b\"\\,\"none\":null},"
    "process.command_args=[\"serve\"\\,-1],process.pid=4711,ratio=0.25,service.name=checkout,"
    "service.namespace=shop,service.version=1.4.2}\n";

TEST(OtlpGoldenTest, TracesSayWhatTheSenderSaid) {
  const auto decoded = DecodeTraces(ReadGolden("traces.pb"), kProtobuf);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(
      Describe(decoded->batches),
      kResource +
          "0102030405060708090a0b0c0d0e0f10/2122232425262728/3132333435363738 GET /orders/{id} "
          "route=/orders/{id} kind=2 error 1767225600000000000..1767225600001500000\n"
          "0102030405060708090a0b0c0d0e0f10/3132333435363738/0000000000000000 caf\u00e9 "
          "route= kind=3 ok 1767225600000000000..1767225600000000002\n");
  EXPECT_EQ(decoded->rejected.items, 1);
  EXPECT_THAT(decoded->rejected.message, HasSubstr("span \"short\" has a span_id of 7 bytes"));
}

TEST(OtlpGoldenTest, MetricsSayWhatTheSenderSaid) {
  const auto decoded = DecodeMetrics(ReadGolden("metrics.pb"), kProtobuf);
  ASSERT_TRUE(decoded) << decoded.error().message;
  const std::string t0 = "1767225600000000000", t9 = "1767225600000000009";
  EXPECT_EQ(Describe(decoded->batches),
            kResource + "go.memory.used[By]{go.memory.type=other} gauge 0.." + t0 +
                " = 123456789\n"
                "process.memory.usage[By]{} gauge 0..1767225600000000005 = 1.5e+09\n"
                "go.memory.allocated[By]{} counter " +
                t0 +
                "..1767225600000000005 = -7\n"
                "http.server.request.duration.count[1]{http.route=/orders/{id}} counter " +
                t0 + ".." + t9 +
                " = 3\n"
                "http.server.request.duration.sum[s]{http.route=/orders/{id}} counter " +
                t0 + ".." + t9 +
                " = 0.75\n"
                "latency.count[1]{a=b} counter " +
                t0 + ".." + t9 +
                " = 4\n"
                "latency.sum[ms]{a=b} counter " +
                t0 + ".." + t9 +
                " = 40\n"
                "gc.pause.count[1]{c=d} counter " +
                t0 + ".." + t9 +
                " = 2\n"
                "gc.pause.sum[s]{c=d} counter " +
                t0 + ".." + t9 + " = 0.5\n");
  EXPECT_EQ(decoded->rejected.items, 3);  // one point without a time, two of a delta counter
}

const std::string kFrames = "@/app/checkout(abcdef0123456789,4194304-5242880+4096)";
const std::string kProfile =
    "inuse_objects/count inuse_space/bytes default= drop= keep= period=524288 space/bytes "
    "time=1767225600000000000+0\ncomment trigger: growth\n"
    " 4198964" +
    kFrames + "<inlined,,main.cc,5:6><leak::keep(int),,main.cc,10:12> 4216440" + kFrames +
    "<handle,,main.cc,40:41> = 2 8192 bytes=#4096bytes span_id=2122232425262728#0 "
    "thread=worker-1#0 "
    "trace_id=0102030405060708090a0b0c0d0e0f10#0\n"
    " 4216440" +
    kFrames + "<handle,,main.cc,40:41> = 1 100\n";

TEST(OtlpGoldenTest, ProfilesSayWhatTheSenderSaid) {
  const auto decoded = DecodeProfiles(ReadGolden("profiles.pb"), kProtobuf);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->rejected.items, 0) << decoded->rejected.message;
  EXPECT_EQ(Describe(decoded->batches), kResource + kProfile);
}

TEST(OtlpGoldenTest, ProfilesOfTheLayoutBeforeSayTheSame) {
  const auto decoded = DecodeProfiles(ReadGolden("profiles_1.40.0.pb"), kProtobuf);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(Describe(decoded->batches), kResource + kProfile);
}

TEST(OtlpGoldenTest, ProfilesOfLayoutL3AreRefusedByName) {
  const auto decoded = DecodeProfiles(ReadGolden("profiles_1.37.0.pb"), kProtobuf);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(decoded.error().message, HasSubstr("opentelemetry-proto v1.7 received"));
}

TEST(OtlpGoldenTest, JsonSaysTheSameAsProtobuf) {
  const auto traces = DecodeTraces(ReadGolden("traces.json"), kJson);
  ASSERT_TRUE(traces) << traces.error().message;
  EXPECT_EQ(Describe(traces->batches),
            Describe(DecodeTraces(ReadGolden("traces.pb"), kProtobuf)->batches));
  EXPECT_EQ(traces->rejected.items, 1);
  const auto metrics = DecodeMetrics(ReadGolden("metrics.json"), kJson);
  ASSERT_TRUE(metrics) << metrics.error().message;
  EXPECT_EQ(Describe(metrics->batches),
            Describe(DecodeMetrics(ReadGolden("metrics.pb"), kProtobuf)->batches));
  EXPECT_EQ(metrics->rejected.items, 3);
  const auto profiles = DecodeProfiles(ReadGolden("profiles.json"), kJson);
  ASSERT_TRUE(profiles) << profiles.error().message;
  EXPECT_EQ(Describe(profiles->batches), kResource + kProfile);
}

// Every prefix of a request is either read (a cut between fields) or refused with a place; nothing
// else happens.
TEST(OtlpGoldenTest, EveryCutEndsInAnAnswer) {
  for (const char* name : {"traces", "metrics", "profiles"}) {
    for (const bool json : {false, true}) {
      const std::string body = ReadGolden(std::string(name) + (json ? ".json" : ".pb"));
      int refused = 0;
      for (size_t size = 0; size + 2 < body.size(); ++size) {
        const std::string_view cut = std::string_view(body).substr(0, size);
        const auto encoding = json ? kJson : kProtobuf;
        std::string message;
        if (auto t = DecodeTraces(cut, encoding); !t) message = t.error().message;
        if (auto m = DecodeMetrics(cut, encoding); !m) message += m.error().message;
        if (auto p = DecodeProfiles(cut, encoding); !p) message += p.error().message;
        if (message.empty()) continue;
        ++refused;
        EXPECT_THAT(message, HasSubstr(" of " + std::to_string(size)));
      }
      EXPECT_GT(refused, static_cast<int>(body.size() * 9 / 10)) << name;
    }
  }
}

}  // namespace
}  // namespace tidemark
