// Built only where opentelemetry-cpp's headers are (src/sdk/CMakeLists.txt).
#include "tidemark/opentelemetry.hpp"

#include <gtest/gtest.h>
#include <opentelemetry/trace/default_span.h>
#include <opentelemetry/trace/scope.h>

#include <thread>

namespace tidemark {
namespace {

namespace context = opentelemetry::context;
namespace trace = opentelemetry::trace;

opentelemetry::nostd::shared_ptr<trace::Span> SpanOf(uint8_t id) {
  uint8_t trace_id[16] = {1, 2, 3}, span_id[8] = {id};
  trace::SpanContext span(trace::TraceId(trace_id), trace::SpanId(span_id),
                          trace::TraceFlags(trace::TraceFlags::kIsSampled), false);
  return opentelemetry::nostd::shared_ptr<trace::Span>(new trace::DefaultSpan(span));
}

// The first byte of the published span id; 0 when there is none.
int Published() {
  tidemark_span span;
  return tidemark_span_current(&span) != 0 ? span.span_id[0] : 0;
}

class OpenTelemetryTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { UseWithOpenTelemetry(); }
};

TEST_F(OpenTelemetryTest, ScopesPublishTheirSpanAndGiveBackTheOneBefore) {
  EXPECT_EQ(Published(), 0);
  {
    trace::Scope outer(SpanOf(1));
    EXPECT_EQ(Published(), 1);
    tidemark_span span;
    tidemark_span_current(&span);
    EXPECT_EQ(span.trace_id[2], 3) << "bytes in W3C order";
    {
      trace::Scope inner(SpanOf(2));
      EXPECT_EQ(Published(), 2);
    }
    EXPECT_EQ(Published(), 1);
  }
  EXPECT_EQ(Published(), 0);
}

TEST_F(OpenTelemetryTest, AContextWithoutASpanPublishesNone) {
  trace::Scope scope(SpanOf(1));
  {
    auto token = context::RuntimeContext::Attach(context::Context("key", true));
    EXPECT_EQ(Published(), 0);
  }
  EXPECT_EQ(Published(), 1);
}

TEST_F(OpenTelemetryTest, DetachingAnOuterTokenDropsTheInnerOnes) {
  auto outer = context::RuntimeContext::Attach(
      context::RuntimeContext::SetValue(trace::kSpanKey, SpanOf(1)));
  auto inner = context::RuntimeContext::Attach(
      context::RuntimeContext::SetValue(trace::kSpanKey, SpanOf(2)));
  EXPECT_EQ(Published(), 2);
  EXPECT_TRUE(context::RuntimeContext::Detach(*outer));
  EXPECT_EQ(Published(), 0);
}

TEST_F(OpenTelemetryTest, AContextCarriedToAnotherThreadPublishesThere) {
  trace::Scope scope(SpanOf(1));
  const context::Context carried = context::RuntimeContext::GetCurrent();
  int before = -1, during = -1, after = -1;
  std::thread([&] {
    before = Published();
    {
      auto token = context::RuntimeContext::Attach(carried);
      during = Published();
    }
    after = Published();
  }).join();
  EXPECT_EQ(before, 0);
  EXPECT_EQ(during, 1);
  EXPECT_EQ(after, 0);
}

#ifdef TIDEMARK_HAS_OPENTELEMETRY_SDK
class NullProcessor : public opentelemetry::sdk::trace::SpanProcessor {
 public:
  explicit NullProcessor(int* calls) : calls_(calls) {}
  std::unique_ptr<opentelemetry::sdk::trace::Recordable> MakeRecordable() noexcept override {
    return nullptr;
  }
  void OnStart(opentelemetry::sdk::trace::Recordable&,
               const trace::SpanContext&) noexcept override {
    ++*calls_;
  }
  void OnEnd(std::unique_ptr<opentelemetry::sdk::trace::Recordable>&&) noexcept override {
    ++*calls_;
  }
  bool ForceFlush(std::chrono::microseconds) noexcept override { return ++*calls_ != 0; }
  bool Shutdown(std::chrono::microseconds) noexcept override { return ++*calls_ != 0; }

 private:
  int* const calls_;
};

TEST(CountingProcessorTest, CountsAndPassesEverythingOn) {
  int calls = 0;
  CountingProcessor processor(std::make_unique<NullProcessor>(&calls));
  const auto before = std::max<int64_t>(tidemark_spans_active(), 0);
  // Never looked at on its way: a reference to storage of the right type is enough.
  alignas(16) char storage[64] = {};
  auto& recordable = reinterpret_cast<opentelemetry::sdk::trace::Recordable&>(storage);
  processor.OnStart(recordable, trace::SpanContext::GetInvalid());
  EXPECT_EQ(tidemark_spans_active(), before + 1);
  processor.OnEnd(nullptr);
  EXPECT_EQ(tidemark_spans_active(), before);
  EXPECT_TRUE(processor.ForceFlush());
  EXPECT_TRUE(processor.Shutdown());
  EXPECT_EQ(calls, 4);
}
#endif

}  // namespace
}  // namespace tidemark
