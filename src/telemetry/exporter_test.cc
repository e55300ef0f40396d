#include "tidemark/exporter.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <random>
#include <stdexcept>
#include <thread>

#include "telemetry/otlp_sink.h"

namespace tidemark::sdk {
namespace {

constexpr int64_t kMillisecond = 1'000'000;
constexpr int64_t kLong = 20'000 * kMillisecond;

ExporterOptions OptionsFor(const std::string& endpoint) {
  ExporterOptions options;
  options.endpoint = endpoint;
  options.resource = {{"service.name", "shop"}};
  options.span_interval_ns = 5 * kMillisecond;
  options.metric_interval_ns = 3600 * 1000 * kMillisecond;
  options.first_retry_ns = kMillisecond;
  options.max_retry_ns = 5 * kMillisecond;
  options.shutdown_ns = 50 * kMillisecond;
  options.memory_use = [] { return 0.1; };
  return options;
}

std::unique_ptr<Exporter> MustStart(ExporterOptions options) {
  std::string error;
  auto exporter = Exporter::Start(std::move(options), &error);
  EXPECT_TRUE(exporter) << error;
  return exporter;
}

// An inner span without error: the first to be shed.
EndedSpan SpanOf(uint64_t id) {
  EndedSpan span;
  span.span.trace_id[0] = 1;
  for (int i = 0; i < 8; ++i) span.span.span_id[7 - i] = static_cast<uint8_t>(id >> (8 * i));
  span.parent_id[0] = 1;
  span.name = "work";
  span.start_unix_ns = 1'000'000'000;
  span.end_unix_ns = 1'000'500'000;
  return span;
}

void ExpectSumsHold(const ExporterStats& stats) {
  for (const SignalStats& s : {stats.spans, stats.points}) {
    EXPECT_EQ(s.added, s.sent + s.rejected + s.dropped() + s.queued);
  }
}

void ExpectEachOnce(const OtlpSink& sink, uint64_t spans) {
  const auto kept = sink.spans();
  EXPECT_EQ(kept.size(), spans);
  for (const auto& [id, times] : kept) EXPECT_EQ(times, 1) << id;
  EXPECT_EQ(sink.malformed(), 0u);
}

TEST(ExporterTest, SpansOfManyThreadsArriveOnce) {
  for (bool gzip : {true, false}) {
    OtlpSink sink;
    auto options = OptionsFor(sink.url());
    options.gzip = gzip;
    options.max_batch_bytes = 64 << 10;
    const auto exporter = MustStart(options);
    std::vector<std::thread> threads;
    for (uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&exporter, t] {
        for (uint64_t i = 1; i <= 2500; ++i) exporter->Add(SpanOf(t * 10'000 + i));
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_TRUE(exporter->Flush(kLong));
    ExpectEachOnce(sink, 10'000);
    const ExporterStats stats = exporter->stats();
    EXPECT_EQ(stats.spans.sent, 10'000u);
    EXPECT_EQ(stats.queue_bytes, 0u);
    ExpectSumsHold(stats);
  }
}

TEST(ExporterTest, ARefusedBatchComesAgainUnchangedAndAnAcknowledgedOneNever) {
  OtlpSink sink;
  sink.Answer({OtlpSink::Status(429), OtlpSink::Status(503, "0"), OtlpSink::Status(200),
               OtlpSink::Status(502), OtlpSink::Status(504), OtlpSink::Status(408)});
  auto options = OptionsFor(sink.url());
  options.max_batch_bytes = 16 << 10;
  const auto exporter = MustStart(options);
  for (uint64_t i = 1; i <= 3000; ++i) exporter->Add(SpanOf(i));
  EXPECT_TRUE(exporter->Flush(kLong));
  ExpectEachOnce(sink, 3000);
  const auto bodies = sink.bodies();
  ASSERT_GE(bodies.size(), 7u);
  EXPECT_EQ(bodies[0], bodies[1]);
  EXPECT_EQ(bodies[1], bodies[2]);
  EXPECT_NE(bodies[2], bodies[3]);
  EXPECT_EQ(bodies[3], bodies[6]);
  const ExporterStats stats = exporter->stats();
  EXPECT_EQ(stats.retries, 5u);
  EXPECT_EQ(stats.requests, bodies.size());
  ExpectSumsHold(stats);
}

TEST(ExporterTest, NobodyIsAskedAgainBeforeTheTimeHeNamed) {
  OtlpSink sink;
  sink.AnswerAlways(OtlpSink::Status(503, "600"));
  const auto exporter = MustStart(OptionsFor(sink.url()));
  exporter->Add(SpanOf(1));
  ASSERT_TRUE(sink.WaitForRequests(1));
  EXPECT_FALSE(exporter->Flush(300 * kMillisecond));
  EXPECT_EQ(sink.bodies().size(), 1u) << "own pauses are 5 ms at most";
  EXPECT_EQ(exporter->stats().spans.queued, 1u);
}

TEST(ExporterTest, WhatIsRefusedForGoodIsCountedAndNotRepeated) {
  OtlpSink sink;
  sink.Answer({OtlpSink::Status(400)});
  const auto exporter = MustStart(OptionsFor(sink.url()));
  exporter->Add(SpanOf(1));
  EXPECT_TRUE(exporter->Flush(kLong));
  exporter->Add(SpanOf(2));
  EXPECT_TRUE(exporter->Flush(kLong));
  const ExporterStats stats = exporter->stats();
  EXPECT_EQ(stats.spans.dropped_refused, 1u);
  EXPECT_EQ(stats.spans.sent, 1u);
  EXPECT_EQ(stats.requests, 2u);
  EXPECT_NE(stats.last_error.find("/v1/traces answered 400"), std::string::npos);
  ExpectSumsHold(stats);
}

TEST(ExporterTest, ItemsThatTheServerRejectedAreNotCountedAsSent) {
  OtlpSink sink;
  Rejected rejected;
  rejected.items = 2;
  rejected.message = "too old";
  HttpResponse partial;
  partial.body = EncodeExportResponse(OtlpSignal::kTraces, rejected, OtlpEncoding::kProtobuf);
  sink.Answer({partial});
  const auto exporter = MustStart(OptionsFor(sink.url()));
  for (uint64_t i = 1; i <= 5; ++i) exporter->Add(SpanOf(i));
  EXPECT_TRUE(exporter->Flush(kLong));
  const ExporterStats stats = exporter->stats();
  EXPECT_EQ(stats.spans.rejected, 2u);
  EXPECT_EQ(stats.spans.sent, 3u);
  EXPECT_EQ(stats.last_error, "too old");
  ExpectSumsHold(stats);
}

TEST(ExporterTest, ABatchThatNobodyTakesIsGivenUpAndCounted) {
  std::string url;
  {
    OtlpSink gone;
    url = gone.url();
  }
  auto options = OptionsFor(url);
  options.give_up_ns = 20 * kMillisecond;
  const auto exporter = MustStart(options);
  exporter->Add(SpanOf(1));
  EXPECT_TRUE(exporter->Flush(kLong));
  const ExporterStats stats = exporter->stats();
  EXPECT_EQ(stats.spans.dropped_expired, 1u);
  EXPECT_GT(stats.retries, 0u);
  EXPECT_FALSE(stats.last_error.empty());
  ExpectSumsHold(stats);
}

// A server that is always busy, four threads that add ten times what the queue holds: the errors
// are kept, the rest is counted, and the process grows by no more than was granted.
TEST(ExporterTest, MemoryStaysInBoundsAndErrorsAreTheLastToGo) {
  constexpr size_t kRoom = 2 << 20, kBatch = 64 << 10;
  OtlpSink sink;
  sink.AnswerAlways(OtlpSink::Status(503));
  auto options = OptionsFor(sink.url());
  options.max_queue_bytes = kRoom;
  options.max_batch_bytes = kBatch;
  options.first_retry_ns = options.max_retry_ns = 100 * kMillisecond;
  const auto exporter = MustStart(options);
  exporter->Add(SpanOf(1));
  ASSERT_TRUE(sink.WaitForRequests(1));
  const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&exporter, t] {
      EndedSpan span = SpanOf(0);
      span.attributes = {{"text", std::string(1000, 'x')}};
      for (uint64_t i = 1; i <= 5000; ++i) {
        span.error = i % 100 == 0;
        span.span.span_id[0] = static_cast<uint8_t>(t + 1);
        exporter->Add(span);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const ExporterStats full = exporter->stats();
  const size_t after = mallinfo2().uordblks + mallinfo2().hblkhd;
  ExpectSumsHold(full);
  EXPECT_EQ(full.spans.added, 20'001u);
  EXPECT_GT(full.spans.dropped_full, 10'000u);
  EXPECT_LE(full.peak_queue_bytes, kRoom);
  // Beside the queue: two copies of a batch, the encoders' buffers, what the sink was sent.
  EXPECT_LT(after, before + kRoom + 2 * kBatch + (1 << 20));
  sink.AnswerAlways(OtlpSink::Status(200));
  EXPECT_TRUE(exporter->Flush(kLong));
  const ExporterStats sent = exporter->stats();
  EXPECT_EQ(sent.spans.sent, full.spans.queued);
  EXPECT_EQ(sent.spans.dropped(), full.spans.dropped());
  ExpectSumsHold(sent);
}

TEST(ExporterTest, NearTheMemoryLimitInnerSpansGoAndErrorsArrive) {
  OtlpSink sink;
  auto options = OptionsFor(sink.url());
  options.memory_use = [] { return 0.97; };
  options.span_interval_ns = 3600 * 1000 * kMillisecond;
  const auto exporter = MustStart(options);
  for (uint64_t i = 1; i <= 100; ++i) {
    EndedSpan span = SpanOf(i);
    span.error = i <= 10;
    exporter->Add(span);
  }
  EXPECT_TRUE(exporter->Flush(kLong));
  ExpectEachOnce(sink, 10);
  const ExporterStats stats = exporter->stats();
  EXPECT_EQ(stats.spans.dropped_pressure, 90u);
  EXPECT_EQ(stats.memory_use, 0.97);
  ExpectSumsHold(stats);
}

TEST(ExporterTest, WhatIsLeftAtTheEndIsCounted) {
  OtlpSink sink;
  sink.AnswerAlways(OtlpSink::Status(503, "600"));
  const auto exporter = MustStart(OptionsFor(sink.url()));
  for (uint64_t i = 1; i <= 10; ++i) exporter->Add(SpanOf(i));
  EXPECT_FALSE(exporter->Shutdown(20 * kMillisecond));
  exporter->Add(SpanOf(11));
  MetricPoint point;
  point.name = "late";
  exporter->Add(std::vector{point});
  const ExporterStats stats = exporter->stats();
  EXPECT_EQ(stats.spans.dropped_shutdown, 11u);
  EXPECT_EQ(stats.points.dropped_shutdown, 1u);
  EXPECT_EQ(stats.queue_bytes, 0u);
  ExpectSumsHold(stats);
  EXPECT_TRUE(exporter->Shutdown(kLong)) << "a second time does nothing";
}

TEST(ExporterTest, SourcesAreAskedAtShutdownAndMayThrow) {
  OtlpSink sink;
  const auto exporter = MustStart(OptionsFor(sink.url()));
  exporter->AddSource([] {
    MetricPoint point;
    point.name = "tidemark.heap.live";
    point.unit = "By";
    point.time_unix_ns = 7;
    point.value = 42;
    return std::vector{point};
  });
  exporter->AddSource([]() -> std::vector<MetricPoint> { throw std::runtime_error("no"); });
  exporter->AddSource([e = exporter.get()] { return e->Metrics(); });
  EXPECT_TRUE(exporter->Shutdown(kLong));
  const auto metrics = sink.metrics();
  ASSERT_FALSE(metrics.empty());
  EXPECT_EQ(metrics[0].resource.target.service, "shop");
  EXPECT_EQ(metrics[0].points[0].metric, "tidemark.heap.live");
  EXPECT_EQ(metrics[0].points[0].value, 42);
  EXPECT_EQ(exporter->stats().sources_failed, 1u);
  EXPECT_GT(exporter->stats().points.sent, 10u);
  ExpectSumsHold(exporter->stats());
}

TEST(ExporterTest, SourcesAreAskedAtTheirInterval) {
  OtlpSink sink;
  auto options = OptionsFor(sink.url());
  options.metric_interval_ns = 5 * kMillisecond;
  std::atomic<int> asked{0};
  const auto exporter = MustStart(options);
  exporter->AddSource([&asked] {
    ++asked;
    MetricPoint point;
    point.name = "m";
    return std::vector{point};
  });
  EXPECT_TRUE(sink.WaitForRequests(3));
  EXPECT_TRUE(exporter->Shutdown(kLong));
  EXPECT_EQ(exporter->stats().points.sent, static_cast<uint64_t>(asked.load()));
}

// Random refusals, several threads, flushes in between: what is acknowledged comes once, and every
// other span is counted.
TEST(ExporterTest, NothingIsLostUncountedWhateverTheServerSays) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  OtlpSink sink;
  std::vector<HttpResponse> answers;
  for (int i = 0; i < 100; ++i) {
    const int statuses[] = {200, 200, 429, 503, 502, 400, 413, 500};
    answers.push_back(OtlpSink::Status(statuses[random() % 8]));
  }
  sink.Answer(answers);
  auto options = OptionsFor(sink.url());
  options.max_batch_bytes = 16 << 10;
  options.max_queue_bytes = 512 << 10;
  const auto exporter = MustStart(options);
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < 3; ++t) {
    threads.emplace_back([&exporter, t] {
      for (uint64_t i = 1; i <= 3000; ++i) {
        exporter->Add(SpanOf(t * 10'000 + i));
        if (i % 1000 == 0) exporter->Flush(kMillisecond);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(exporter->Flush(kLong));
  const ExporterStats stats = exporter->stats();
  ExpectEachOnce(sink, stats.spans.sent);
  EXPECT_EQ(stats.spans.added, 9000u);
  EXPECT_EQ(stats.spans.queued, 0u);
  ExpectSumsHold(stats);
}

TEST(ExporterTest, AnEndpointThatCannotBeIsRefusedAtOnce) {
  for (const char* endpoint : {"https://collector:4318", "collector:4318", "http://", "ftp://x"}) {
    std::string error;
    EXPECT_EQ(Exporter::Start(OptionsFor(endpoint), &error), nullptr) << endpoint;
    EXPECT_NE(error.find("OTLP endpoint"), std::string::npos) << error;
  }
}

}  // namespace
}  // namespace tidemark::sdk
