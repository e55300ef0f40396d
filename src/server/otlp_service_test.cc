#include "server/otlp_service.h"

#include <gtest/gtest.h>

#include "base/gzip.h"

namespace tidemark {
namespace {

// Takes spans, or refuses them as a full queue does.
class Spans : public LiveInput {
 public:
  void OnSpans(std::vector<SpanBatch> batches, std::function<void(Result<void>)> done) override {
    if (full) return done(Overloaded("full"));
    taken.insert(taken.end(), batches.begin(), batches.end());
    done({});
  }
  Result<void> OnMetrics(std::vector<MetricBatch>) override { return Overloaded("full"); }
  Result<void> OnProfiles(std::vector<ProfileBatch>) override { return Overloaded("full"); }
  bool full = false;
  std::vector<SpanBatch> taken;
};

class OtlpServiceTest : public testing::Test {
 protected:
  Result<Rejected> Export(OtlpSignal signal, std::string body, bool gzip = false) {
    std::optional<Result<Rejected>> answer;
    service_.Export(signal, OtlpEncoding::kProtobuf, gzip, std::move(body), "127.0.0.1",
                    [&](Result<Rejected> result) { answer.emplace(std::move(result)); });
    return answer.value_or(Result<Rejected>(Internal("no answer")));
  }

  static std::string OneSpan(Attributes attributes) {
    SpanBatch batch{{{"shop", "", "1.0.0", "a"}, std::move(attributes)}, {}};
    batch.spans.push_back(
        {.trace_id = {1, 2}, .span_id = SpanId{3}, .name = "x", .start_ns = 1, .end_ns = 2});
    return EncodeTracesRequest({batch});
  }

  Spans spans_;
  // No store: spans do not touch it, and refused metrics and profiles do not reach it.
  OtlpService service_{OtlpLimits{.max_body_bytes = 1 << 20}, nullptr, &spans_};
};

TEST_F(OtlpServiceTest, ASenderNamesNeitherItsAddressNorAUrlToAsk) {
  ASSERT_TRUE(
      Export(OtlpSignal::kTraces, OneSpan({{"tidemark.peer", "10.0.0.1"},
                                           {"tidemark.pprof.port", "6060"},
                                           {"tidemark.pprof.url", "http://10.0.0.1/secret"},
                                           {"tidemark.heap_dump.url", "http://10.0.0.1/secret"}})));
  ASSERT_EQ(spans_.taken.size(), 1u);
  const Attributes& attributes = spans_.taken[0].resource.attributes;
  EXPECT_EQ(AttributeOr(attributes, "tidemark.peer"), "127.0.0.1");
  EXPECT_EQ(AttributeOr(attributes, "tidemark.pprof.url"), "");
  EXPECT_EQ(AttributeOr(attributes, "tidemark.heap_dump.url"), "");
  EXPECT_EQ(AttributeOr(attributes, "tidemark.pprof.port"), "6060");
}

TEST_F(OtlpServiceTest, GzipIsRecognisedAlsoWhenItIsNotDeclared) {
  EXPECT_TRUE(Export(OtlpSignal::kTraces, Gzip(OneSpan({}))));
  EXPECT_TRUE(Export(OtlpSignal::kTraces, Gzip(OneSpan({})), true));
  EXPECT_EQ(spans_.taken.size(), 2u);
}

TEST_F(OtlpServiceTest, BombsAndLargeBodiesAreFinalAndCounted) {
  for (const std::string& body : {Gzip(std::string(50 << 20, '\0')), std::string(2 << 20, '\0')}) {
    const auto result = Export(OtlpSignal::kTraces, body);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kResourceExhausted);
    EXPECT_FALSE(result.error().retryable);
  }
  EXPECT_EQ(service_.stats().too_large, 2u);
}

TEST_F(OtlpServiceTest, MalformedBodiesAreInvalidArgumentsAndCounted) {
  const std::string whole = OneSpan({});
  const auto result = Export(OtlpSignal::kTraces, whole.substr(0, whole.size() - 3));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(service_.stats().malformed, 1u);
  EXPECT_TRUE(spans_.taken.empty());
}

TEST_F(OtlpServiceTest, AFullQueueIsAnAnswerToTryAgain) {
  spans_.full = true;
  const auto result = Export(OtlpSignal::kTraces, OneSpan({}));
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().retryable);
  EXPECT_EQ(service_.stats().refused, 1u);
}

TEST_F(OtlpServiceTest, LogsAreTakenWithAWarning) {
  const auto result = Export(OtlpSignal::kLogs, "");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->items, 0);
  EXPECT_FALSE(result->message.empty());
}

}  // namespace
}  // namespace tidemark
