#include "codec/json_to_proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/describe_for_tests.h"
#include "codec/otlp.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;
constexpr auto kJson = OtlpEncoding::kJson;

std::string Span(const std::string& fields) {
  return R"({"resourceSpans":[{"scopeSpans":[{"spans":[{)" + fields + "}]}]}]}";
}

std::string Point(const std::string& fields) {
  return R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"m","gauge":{"dataPoints":[{)" +
         fields + "}]}}]}]}]}";
}

const std::string kIds =
    R"("traceId":"0AF7651916cd43dd8448eb211c80319c","spanId":"00f067aa0ba902b7",)";
const std::string kTimes = R"("startTimeUnixNano":"5","endTimeUnixNano":"9")";

TEST(JsonToProtoTest, SpellingsThatMeanTheSame) {
  const auto plain = DecodeTraces(Span(kIds + kTimes + R"(,"kind":2,"status":{"code":2})"), kJson);
  ASSERT_TRUE(plain) << plain.error().message;
  const std::string expected = codec::Describe(plain->batches);
  EXPECT_THAT(expected, HasSubstr("0af7651916cd43dd8448eb211c80319c/00f067aa0ba902b7"));
  const std::string kSame[] = {
      Span(
          kIds +
          R"("startTimeUnixNano":5,"endTimeUnixNano":9.0,"kind":"2","status":{"code":"STATUS_CODE_ERROR"})"),
      Span(
          kIds +
          R"("start_time_unix_nano":"5","end_time_unix_nano":"9","kind":"SPAN_KIND_SERVER","status":{"code":2})"),
      Span(kIds + kTimes +
           R"(,"kind":2,"status":{"code":2},"future":{"a":[1,{"b":null}]},"parentSpanId":"")"),
      Span(
          kIds + kTimes +
          R"(,"kind":1,"kind":2,"status":{"code":2,"message":"x"},"name":null,"events":[{"name":3}])"),
      Span(R"("traceId":"CvdlGRbNQ92ESOshHIAxnA==","spanId":"APBnqgupArc=",)" + kTimes +
           R"(,"kind":2,"status":{"code":2})"),
  };
  for (const std::string& json : kSame) {
    const auto decoded = DecodeTraces(json, kJson);
    ASSERT_TRUE(decoded) << json << "\n" << decoded.error().message;
    EXPECT_EQ(codec::Describe(decoded->batches), expected) << json;
  }
}

TEST(JsonToProtoTest, NumbersKeepAllTheirDigits) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"("asDouble":0.1)", "0.1"},
      {R"("asDouble":1.7976931348623157e308)", "1.7976931348623157e+308"},
      {R"("asDouble":"2.5")", "2.5"},
      {R"("asDouble":123456789012345678)", "123456789012345680"},
      {R"("asInt":"-9007199254740991")", "-9007199254740991"},
      {R"("asInt":-7)", "-7"},
      {R"("asInt":1e3)", "1000"},
      {R"("asDouble":4.35,"asInt":"0")", "0"},
  };
  for (const auto& [fields, value] : kCases) {
    const auto decoded =
        DecodeMetrics(Point(std::string(R"("timeUnixNano":"1",)") + fields), kJson);
    ASSERT_TRUE(decoded) << fields << decoded.error().message;
    ASSERT_EQ(decoded->batches.size(), 1u) << fields;
    EXPECT_EQ(codec::NumberText(decoded->batches[0].points.at(0).value), value) << fields;
  }
}

TEST(JsonToProtoTest, SpecialNumbersAreRead) {
  for (const char* value : {R"("NaN")", R"("Infinity")", R"("-Infinity")"}) {
    const auto decoded =
        DecodeMetrics(Point(std::string(R"("timeUnixNano":"1","asDouble":)") + value), kJson);
    ASSERT_TRUE(decoded) << value;
    EXPECT_THAT(decoded->rejected.message, HasSubstr("not finite")) << value;
  }
}

TEST(JsonToProtoTest, AttributeValuesOfAllKinds) {
  const auto decoded = DecodeMetrics(
      Point(
          R"("timeUnixNano":"1","asInt":1,"attributes":[{"key":"s","value":{"stringValue":"\u00e9\ud83d\ude00"}},)"
          R"({"key":"b","value":{"boolValue":false}},{"key":"y","value":{"bytesValue":"AP8Q"}},)"
          R"({"key":"a","value":{"arrayValue":{"values":[{"doubleValue":"NaN"},{"intValue":"5"},{}]}}},)"
          R"({"key":"m","value":{"kvlistValue":{"values":[{"key":"k","value":{"stringValue":"v"}}]}}}])"),
      kJson);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(decoded->batches.at(0).points.at(0).attributes, (Attributes{{"a", R"(["NaN",5,null])"},
                                                                        {"b", "false"},
                                                                        {"m", R"({"k":"v"})"},
                                                                        {"s", "é😀"},
                                                                        {"y", "AP8Q"}}));
}

TEST(JsonToProtoTest, ErrorsNameTheKeyPathAndTheValue) {
  const std::pair<std::string, const char*> kCases[] = {
      {Span(R"("traceId":"xyz0")"),
       "resourceSpans[0].scopeSpans[0].spans[0].traceId: got xyz0, expected hex digits"},
      {Span(R"("traceId":"abc")"), "traceId: got abc, expected hex"},
      {Span(R"("name":5)"), "spans[0].name: got 5, expected a string"},
      {Span(R"("name":{})"), "spans[0].name: got an object, expected a string"},
      {Span(R"("attributes":{})"), "spans[0].attributes: got an object, expected an array"},
      {Span(R"("attributes":[{"key":"a"},[]])"), "spans[0].attributes[1]: got an array"},
      {Span(R"("attributes":[1])"), "spans[0].attributes[0]: got 1, expected an object (KeyValue)"},
      {Span(R"("status":[])"), "spans[0].status: got an array, expected an object (Status)"},
      {Span(R"("kind":"SERVER")"),
       "kind: got SERVER, expected a number or a name such as SPAN_KIND_CONSUMER"},
      {Span(R"("startTimeUnixNano":1.5)"), "startTimeUnixNano: got 1.5, expected an integer"},
      {Span(R"("startTimeUnixNano":"99999999999999999999")"), "expected an integer of 64 bits"},
      {Span(R"("startTimeUnixNano":true)"), "got true, expected an integer"},
      {R"([])", "expected an object that is an ExportTraceServiceRequest"},
      {R"(7)", "expected an object that is an ExportTraceServiceRequest"},
      {R"(null)", "expected an object that is an ExportTraceServiceRequest"},
      {R"({"resourceSpans":7})", "resourceSpans: got 7, expected an array"},
  };
  for (const auto& [json, message] : kCases) {
    const auto decoded = DecodeTraces(json, kJson);
    ASSERT_FALSE(decoded) << json;
    EXPECT_EQ(decoded.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(decoded.error().message, HasSubstr(message)) << json;
  }
}

TEST(JsonToProtoTest, BadJsonIsNamedByItsOffset) {
  for (const char* json :
       {"", "{", "{\"a\":}", "{}x", "{\"a\":\"\xff\"}", "{\"a\":01}", "{} {}", "\xEF\xBB\xBF{}"}) {
    const auto decoded = DecodeTraces(json, kJson);
    ASSERT_FALSE(decoded) << json;
    EXPECT_THAT(decoded.error().message, HasSubstr("OTLP JSON: byte ")) << json;
  }
}

TEST(JsonToProtoTest, DepthIsLimited) {
  const std::string deep = "{\"x\":" + std::string(5000, '[') + std::string(5000, ']') + "}";
  EXPECT_FALSE(DecodeTraces(deep, kJson));
  std::string value = R"({"stringValue":"v"})";
  for (int i = 0; i < 16; ++i) value = R"({"arrayValue":{"values":[)" + value + "]}}";
  EXPECT_TRUE(DecodeTraces(Span(R"("attributes":[{"key":"k","value":)" + value + "}]"), kJson));
}

TEST(JsonToProtoTest, ShortHexIdRefusesTheSpanAlone) {
  const auto decoded = DecodeTraces(
      Span(R"("traceId":"0af7651916cd43dd","spanId":"00f067aa0ba902b7",)" + kTimes), kJson);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->rejected.items, 1);
  EXPECT_THAT(decoded->rejected.message, HasSubstr("trace_id of 8 bytes"));
}

TEST(JsonToProtoTest, OldProfileKeysAreRefused) {
  const auto decoded = DecodeProfiles(
      R"({"resourceProfiles":[{"scopeProfiles":[{"profiles":[{"sample":[{"locationsStartIndex":0}]}]}]}]})",
      kJson);
  ASSERT_FALSE(decoded);
  EXPECT_THAT(decoded.error().message,
              HasSubstr("sample[0].locationsStartIndex: this key belongs to the profiles layout"));
}

}  // namespace
}  // namespace tidemark
