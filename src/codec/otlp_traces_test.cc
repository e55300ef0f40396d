#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>

#include "codec/describe_for_tests.h"
#include "codec/limits.h"
#include "codec/otlp.h"

namespace tidemark {
namespace {

using protozero::pbf_writer;
using ::testing::HasSubstr;

// One request with one span, written by `write`; the resource comes after the spans.
template <typename F>
std::string Request(F write) {
  std::string out;
  pbf_writer request(out);
  pbf_writer resource_spans(request, 1);
  {
    pbf_writer scope(resource_spans, 2);
    pbf_writer span(scope, 2);
    write(span);
  }
  pbf_writer resource(resource_spans, 1);
  pbf_writer pair(resource, 1);
  pair.add_string(1, "service.name");
  pbf_writer(pair, 2).add_string(1, "late");
  pair.commit();
  resource.commit();
  resource_spans.commit();
  return out;
}

void WriteIds(pbf_writer& span, size_t trace_bytes = 16, size_t span_bytes = 8) {
  span.add_bytes(1, std::string(trace_bytes, '\1'));
  span.add_bytes(2, std::string(span_bytes, '\2'));
}

void WriteTimes(pbf_writer& span, uint64_t start = 5, uint64_t end = 9) {
  span.add_fixed64(7, start);
  span.add_fixed64(8, end);
}

Result<DecodedTraces> Decode(const std::string& body) {
  return DecodeTraces(body, OtlpEncoding::kProtobuf);
}

TEST(OtlpTracesTest, EmptyRequestIsNoError) {
  const auto decoded = Decode("");
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->batches.empty());
  EXPECT_EQ(decoded->rejected.message, "");
}

TEST(OtlpTracesTest, ResourceMayFollowItsSpans) {
  const auto decoded = Decode(Request([](pbf_writer& span) {
    WriteIds(span);
    WriteTimes(span);
  }));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches.at(0).resource.target.service, "late");
}

TEST(OtlpTracesTest, BrokenSpansAreCountedWithTheReason) {
  struct Case {
    const char* name;
    void (*write)(pbf_writer&);
    const char* reason;
  };
  const Case kCases[] = {
      {"short trace id",
       [](pbf_writer& s) {
         WriteIds(s, 15, 8);
         WriteTimes(s);
       },
       "trace_id of 15 bytes"},
      {"no ids", [](pbf_writer& s) { WriteTimes(s); }, "trace_id of 0 bytes"},
      {"zero id",
       [](pbf_writer& s) {
         s.add_bytes(1, std::string(16, '\0'));
         WriteTimes(s);
       },
       "all zero"},
      {"long span id",
       [](pbf_writer& s) {
         WriteIds(s, 16, 9);
         WriteTimes(s);
       },
       "span_id of 9 bytes"},
      {"parent",
       [](pbf_writer& s) {
         WriteIds(s);
         WriteTimes(s);
         s.add_bytes(4, "abc");
       },
       "parent_span_id of 3"},
      {"no times", [](pbf_writer& s) { WriteIds(s); }, "start_time_unix_nano 0"},
      {"far time",
       [](pbf_writer& s) {
         WriteIds(s);
         WriteTimes(s, UINT64_MAX, 9);
       },
       "2262"},
  };
  for (const Case& c : kCases) {
    const auto decoded = Decode(Request(c.write));
    ASSERT_TRUE(decoded) << c.name;
    EXPECT_TRUE(decoded->batches.empty()) << c.name;
    EXPECT_EQ(decoded->rejected.items, 1) << c.name;
    EXPECT_THAT(decoded->rejected.message, HasSubstr(c.reason)) << c.name;
  }
}

TEST(OtlpTracesTest, ZeroParentIsARootAndAnEndBeforeTheStartHasNoDuration) {
  const auto decoded = Decode(Request([](pbf_writer& span) {
    WriteIds(span);
    WriteTimes(span, 9, 5);
    span.add_bytes(4, std::string(8, '\0'));
  }));
  ASSERT_TRUE(decoded);
  const Span& span = decoded->batches.at(0).spans.at(0);
  EXPECT_EQ(span.parent_id, SpanId::kNone);
  EXPECT_EQ(span.end_ns, 9);
}

TEST(OtlpTracesTest, FieldsOfAnotherWireTypeAreSkipped) {
  const auto decoded = Decode(Request([](pbf_writer& span) {
    WriteIds(span);
    WriteTimes(span);
    span.add_uint64(5, 7);         // name as a varint
    span.add_string(6, "server");  // kind as text
    span.add_uint32(16, 1);        // flags as a varint
    span.add_string(1000, "new");  // a field of a later release
  }));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches.at(0).spans.at(0).name, "");
  EXPECT_EQ(decoded->batches.at(0).spans.at(0).kind, SpanKind::kUnspecified);
}

TEST(OtlpTracesTest, TextIsMadeWellFormedAndCut) {
  const auto decoded = Decode(Request([](pbf_writer& span) {
    WriteIds(span);
    WriteTimes(span);
    span.add_string(5, "bad\xff" + std::string(codec::kMaxNameBytes, 'x'));
  }));
  ASSERT_TRUE(decoded);
  const std::string& name = decoded->batches.at(0).spans.at(0).name;
  EXPECT_TRUE(name.starts_with("bad\xEF\xBF\xBDx"));
  EXPECT_LE(name.size(), codec::kMaxNameBytes);
  EXPECT_EQ(decoded->rejected.items, 0);
  EXPECT_THAT(decoded->rejected.message, HasSubstr("were cut or dropped"));
}

TEST(OtlpTracesTest, MoreSpansThanTheLimitAreCounted) {
  std::string span, scope;
  pbf_writer span_out(span);
  WriteIds(span_out);
  WriteTimes(span_out);
  pbf_writer scope_out(scope);
  for (int64_t i = 0; i < codec::kMaxItems + 3; ++i) scope_out.add_message(2, span);
  std::string resource_spans, body;
  pbf_writer(resource_spans).add_message(2, scope);
  pbf_writer(body).add_message(1, resource_spans);
  const auto decoded = Decode(body);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches.at(0).spans.size(), static_cast<size_t>(codec::kMaxItems));
  EXPECT_EQ(decoded->rejected.items, 3);
}

TEST(OtlpTracesTest, DamageIsNamedByItsOffset) {
  struct Case {
    const char* name;
    std::string body;
  };
  const Case kCases[] = {
      {"length beyond the end", std::string("\x0a\x7f\x01", 3)},
      {"endless varint", std::string("\x08") + std::string(11, '\xff')},
      {"group", "\x0b"},
      {"field 0", std::string("\x02\x00", 2)},
  };
  for (const Case& c : kCases) {
    const auto decoded = Decode(c.body);
    ASSERT_FALSE(decoded) << c.name;
    EXPECT_EQ(decoded.error().code, ErrorCode::kInvalidArgument) << c.name;
    EXPECT_THAT(decoded.error().message, HasSubstr("at byte 0 of")) << c.name;
  }
}

TEST(OtlpTracesTest, NestedValuesEndAtTheDepthLimit) {
  std::string value;
  pbf_writer(value).add_string(1, "core");
  for (int i = 0; i < 2000; ++i) {
    std::string array, outer;
    pbf_writer(array).add_message(1, value);
    pbf_writer(outer).add_message(5, array);
    value = outer;
  }
  std::string pair, span, scope, resource_spans, body, resource;
  pbf_writer pair_out(pair);
  pair_out.add_string(1, "deep");
  pair_out.add_message(2, value);
  pbf_writer(resource).add_message(1, pair);
  pbf_writer span_out(span);
  WriteIds(span_out);
  WriteTimes(span_out);
  pbf_writer(scope).add_message(2, span);
  pbf_writer resource_spans_out(resource_spans);
  resource_spans_out.add_message(1, resource);
  resource_spans_out.add_message(2, scope);
  pbf_writer(body).add_message(1, resource_spans);
  const auto decoded = Decode(body);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(AttributeOr(decoded->batches.at(0).resource.attributes, "deep"),
            std::string(16, '[') + "null" + std::string(16, ']'));
  EXPECT_EQ(decoded->rejected.truncated, 1);
}

TEST(TargetOfTest, InstanceFollowsTheOrderOfTheConventions) {
  Attributes all = {{"container.id", "c1"},        {"host.name", "h"},
                    {"k8s.container.name", "app"}, {"k8s.namespace.name", "shop"},
                    {"k8s.pod.name", "p-1"},       {"k8s.pod.uid", "u1"},
                    {"process.pid", "7"},          {"service.instance.id", "i1"}};
  const auto without = [&](const char* key) {
    std::erase_if(all, [&](const auto& pair) { return pair.first == key; });
    return TargetOf(all).instance;
  };
  EXPECT_EQ(TargetOf(all).instance, "i1");
  EXPECT_EQ(without("service.instance.id"), "u1/app");
  EXPECT_EQ(without("k8s.pod.uid"), "shop/p-1/app");
  EXPECT_EQ(without("k8s.pod.name"), "c1");
  EXPECT_EQ(without("container.id"), "h/7");
  EXPECT_EQ(without("host.name"), "");
}

TEST(TargetOfTest, UnsetServiceTakesTheWorkloadsName) {
  EXPECT_EQ(TargetOf({}).service, "unknown_service");
  EXPECT_EQ(TargetOf({{"service.name", "unknown_service:java"}}).service, "unknown_service");
  const Target target = TargetOf(
      {{"k8s.deployment.name", "cart"}, {"k8s.namespace.name", "shop"}, {"service.name", ""}});
  EXPECT_EQ(target.service, "cart");
  EXPECT_EQ(target.service_namespace, "shop");
  EXPECT_EQ(TargetOf({{"k8s.namespace.name", "shop"}, {"service.name", "a"}}).service_namespace,
            "");
}

}  // namespace
}  // namespace tidemark
