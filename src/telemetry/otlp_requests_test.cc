#include "telemetry/otlp_requests.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace tidemark::sdk {
namespace {

EndedSpan SpanOf(uint8_t id) {
  EndedSpan span;
  span.span.trace_id[15] = 1;
  span.span.span_id[7] = id;
  span.parent_id[7] = 99;
  span.name = "GET /search";
  span.route = "/search";
  span.kind = SpanKind::kInternal;
  span.start_unix_ns = 1'000'000'000;
  span.end_unix_ns = 1'002'000'000;
  return span;
}

Resource ResourceOf(const std::string& service) {
  Resource resource;
  resource.attributes = {{"service.name", service}};
  resource.target = TargetOf(resource.attributes);
  return resource;
}

TEST(OtlpRequestsTest, JoinedSpansAreReadBackWhole) {
  std::string joined;
  AppendSpan(SpanOf(1), &joined);
  EndedSpan failed = SpanOf(2);
  failed.error = true;
  failed.attributes = {{"key", "value"}};
  AppendSpan(failed, &joined);
  const auto decoded =
      DecodeTraces(TracesRequest(ResourceOf("shop"), joined), OtlpEncoding::kProtobuf);
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->batches.size(), 1u);
  EXPECT_EQ(decoded->batches[0].resource.target.service, "shop");
  ASSERT_EQ(decoded->batches[0].spans.size(), 2u);
  const tidemark::Span& first = decoded->batches[0].spans[0];
  EXPECT_EQ(first.span_id, SpanId{1});
  EXPECT_EQ(first.parent_id, SpanId{99});
  EXPECT_EQ(first.trace_id.low, 1u);
  EXPECT_EQ(first.name, "GET /search");
  EXPECT_EQ(first.route, "/search");
  EXPECT_EQ(first.kind, tidemark::SpanKind::kInternal);
  EXPECT_EQ(first.end_ns, 1'002'000'000);
  EXPECT_FALSE(first.error);
  EXPECT_TRUE(decoded->batches[0].spans[1].error);
  EXPECT_EQ(decoded->rejected.items, 0);
}

TEST(OtlpRequestsTest, ASpanIsBoundedWhateverTheServicePutsIntoIt) {
  EndedSpan span = SpanOf(1);
  span.name = std::string(1023, 'n') + "\u00e9" + std::string(100'000, 'n');
  for (int i = 0; i < 1000; ++i) span.attributes.emplace_back("key", std::string(1000, 'v'));
  std::string joined;
  AppendSpan(span, &joined);
  EXPECT_LT(joined.size(), kMaxAttributeBytes + 2 * kMaxTextBytes + 1024);
  const auto decoded =
      DecodeTraces(TracesRequest(ResourceOf("shop"), joined), OtlpEncoding::kProtobuf);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->batches[0].spans[0].name, std::string(1023, 'n')) << "no half character";
}

TEST(OtlpRequestsTest, ErrorsRankAboveRootsAboveTheRest) {
  EndedSpan span = SpanOf(1);
  EXPECT_EQ(RankOf(span), Rank::kInner);
  span.kind = SpanKind::kServer;
  EXPECT_EQ(RankOf(span), Rank::kRoot);
  span = SpanOf(1);
  span.parent_id[7] = 0;
  EXPECT_EQ(RankOf(span), Rank::kRoot);
  span = SpanOf(1);
  span.error = true;
  EXPECT_EQ(RankOf(span), Rank::kError);
}

TEST(OtlpRequestsTest, JoinedMetricRequestsAreOne) {
  MetricPoint point;
  point.name = "tidemark.heap.live";
  point.unit = "By";
  point.time_unix_ns = 5;
  point.value = 7;
  MetricPoint counter = point;
  counter.name = "process.paging.faults";
  counter.counter = true;
  counter.start_unix_ns = 3;
  counter.attributes = {{"system.paging.fault.type", "major"}};
  const std::string joined =
      MetricsRequest(ResourceOf("shop"), {point}) + MetricsRequest(ResourceOf("shop"), {counter});
  const auto decoded = DecodeMetrics(joined, OtlpEncoding::kProtobuf);
  ASSERT_TRUE(decoded) << decoded.error().message;
  ASSERT_EQ(decoded->batches.size(), 2u);
  EXPECT_EQ(decoded->batches[0].points[0].value, 7);
  EXPECT_EQ(decoded->batches[1].points[0].kind, PointKind::kCounter);
  EXPECT_EQ(decoded->batches[1].points[0].start_ns, 3);
  EXPECT_EQ(decoded->batches[1].points[0].attributes[0].second, "major");
}

TEST(OtlpRequestsTest, RejectedItemsOfAnyAnswer) {
  Rejected rejected;
  rejected.items = 3;
  rejected.message = "too old";
  const std::string answer =
      EncodeExportResponse(OtlpSignal::kTraces, rejected, OtlpEncoding::kProtobuf);
  std::string message;
  EXPECT_EQ(RejectedItems(answer, &message), 3u);
  EXPECT_EQ(message, "too old");
  for (size_t size = 0; size < answer.size(); ++size) {
    RejectedItems(answer.substr(0, size), &message);  // cut anywhere: no crash
  }
  EXPECT_EQ(RejectedItems("<html>502</html>", &message), 0u);
  EXPECT_EQ(RejectedItems("", &message), 0u);
}

// What is given stands over the environment, which stands over what the process knows.
TEST(OtlpRequestsTest, TheResourceSaysWhoItIs) {
  setenv("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.2,service.name=env,k=a%20b", 1);
  const Resource environment = MakeResource({});
  EXPECT_EQ(environment.target.service, "env");
  EXPECT_EQ(environment.target.version, "1.2");
  EXPECT_EQ(AttributeOr(environment.attributes, "k"), "a b");
  EXPECT_FALSE(environment.target.instance.empty());
  setenv("OTEL_SERVICE_NAME", "named", 1);
  EXPECT_EQ(MakeResource({}).target.service, "named");
  EXPECT_EQ(MakeResource({{"service.name", "given"}}).target.service, "given");
  unsetenv("OTEL_SERVICE_NAME");
  unsetenv("OTEL_RESOURCE_ATTRIBUTES");
  EXPECT_EQ(MakeResource({}).target.service, "telemetry_test");
  EXPECT_EQ(MakeResource({{"k8s.pod.uid", "u1"}}).target.instance, "u1");
}

}  // namespace
}  // namespace tidemark::sdk
