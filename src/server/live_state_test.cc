#include "server/live_state.h"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

constexpr int64_t kStart = 1767225600 * kNsPerSecond;

// Remembers what the live state wanted done.
class Outside : public LiveOutput {
 public:
  void StoreSeries(MetricBatch batch) override { series.push_back(std::move(batch)); }
  void SaveIncident(const Incident& incident) override { saved.push_back(incident); }
  bool StartCapture(CaptureOrder order) override {
    captures.push_back(std::move(order));
    return true;
  }
  void StartHeapDump(HeapDumpOrder order) override { heap_dumps.push_back(std::move(order)); }
  std::vector<MetricBatch> series;
  std::vector<Incident> saved;
  std::vector<CaptureOrder> captures;
  std::vector<HeapDumpOrder> heap_dumps;
};

Resource ServiceAt(const std::string& instance, Attributes attributes = {}) {
  return {{"shop", "", "1.0.0", instance}, std::move(attributes)};
}

uint64_t SpanNumber(int64_t second, uint64_t n) {
  return static_cast<uint64_t>(second) * 1'000'000 + n + 1;
}

// A second of a service: 500 requests, every one ended.
SpanBatch SpansOf(const Resource& resource, int64_t second) {
  SpanBatch batch{resource, {}};
  for (uint64_t n = 0; n < 500; ++n) {
    const int64_t end_ns = kStart + second * kNsPerSecond + static_cast<int64_t>(n) * 2'000'000;
    batch.spans.push_back({.trace_id = {1, SpanNumber(second, n)},
                           .span_id = SpanId{SpanNumber(second, n)},
                           .name = "request",
                           .route = n % 2 == 0 ? "/checkout" : "/search",
                           .kind = SpanKind::kServer,
                           .start_ns = end_ns - 1'000'000,
                           .end_ns = end_ns});
  }
  return batch;
}

// A heap profile at `second`: `keep` grows by `bytes_per_second`, each sample named by a checkout's
// span; `steady` stays.
ProfileBatch ProfileOf(const Resource& resource, int64_t second, int64_t bytes_per_second,
                       int64_t weight = 512 << 10) {
  Profile profile;
  profile.sample_types = {
      {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}};
  profile.time_ns = kStart + second * kNsPerSecond;
  profile.period = weight;
  profile.functions = {{.name = "KeepEndedSpan", .file = "span_archive.cc"},
                       {.name = "steady", .file = "a.cc"}};
  profile.locations = {{.lines = {{0, 31}}}, {.lines = {{1, 7}}}};
  for (int64_t kept = 0, at = 0; kept < bytes_per_second * second; kept += weight) {
    const int64_t then = std::min(
        second - 1, at++ * second * weight / std::max<int64_t>(1, bytes_per_second * second));
    const uint64_t span = SpanNumber(then, 0);
    profile.samples.push_back({.locations = {0},
                               .values = {weight, 220, weight},
                               .labels = {{.key = "trace_id", .text = ToHex(TraceId{1, span})},
                                          {.key = "span_id", .text = ToHex(SpanId{span})}}});
  }
  profile.samples.push_back({.locations = {1}, .values = {50 << 20, 1000, 8 << 20}});
  return {resource, std::move(profile)};
}

// Runs `seconds` of event time with a profile every five.
void Play(LiveState* live, const Resource& resource, int64_t seconds, int64_t bytes_per_second) {
  for (int64_t second = 1; second <= seconds; ++second) {
    live->OnSpans(SpansOf(resource, second - 1));
    if (second % 5 == 0) live->OnProfile(ProfileOf(resource, second, bytes_per_second));
    live->Tick(kStart + second * kNsPerSecond);
  }
}

TEST(LiveStateTest, ALeakIsNamedWithinAMinuteWithItsRouteItsTracesAndACapture) {
  Outside outside;
  LiveState live({.wall_ns = kStart}, &outside);
  Play(&live, ServiceAt("a", {{"telemetry.sdk.language", "cpp"}}), 60, 2 << 20);
  const auto incidents = live.Incidents();
  ASSERT_EQ(incidents.size(), 1u);
  const Incident& incident = incidents[0];
  EXPECT_EQ(incident.service, "shop");
  EXPECT_EQ(incident.kind, "survivors");
  EXPECT_LE(incident.detected_ns - kStart, 60 * kNsPerSecond);
  EXPECT_NEAR(incident.growth_bytes_per_hour.value, (2 << 20) * 3600.0, 0.3 * (2 << 20) * 3600.0);
  ASSERT_FALSE(incident.evidence.stacks.empty());
  EXPECT_EQ(incident.evidence.stacks[0].cause, "KeepEndedSpan");
  EXPECT_EQ(incident.evidence.stacks[0].cause_line, 31);
  ASSERT_FALSE(incident.evidence.routes.empty());
  EXPECT_EQ(incident.evidence.routes[0].route, "/checkout");
  EXPECT_EQ(incident.evidence.routes[0].method, "span");
  ASSERT_FALSE(incident.evidence.traces.empty());
  EXPECT_TRUE(incident.evidence.traces[0].ended);
  ASSERT_FALSE(outside.captures.empty());
  EXPECT_EQ(outside.captures[0].annotations.trigger, "growth");
  EXPECT_EQ(outside.captures[0].annotations.active_traces.size(), 10u);
  EXPECT_FALSE(outside.saved.empty());
}

TEST(LiveStateTest, AnIncidentAsksForOneHeapDumpWhereOneIsServed) {
  Outside outside;
  LiveState live({.wall_ns = kStart}, &outside);
  Play(&live, ServiceAt("a", {{"tidemark.heap_dump.url", "http://a/dump"}}), 120, 2 << 20);
  ASSERT_EQ(live.Incidents().size(), 1u);
  ASSERT_EQ(outside.heap_dumps.size(), 1u);
  EXPECT_EQ(outside.heap_dumps[0].url, "http://a/dump");
  EXPECT_EQ(outside.heap_dumps[0].info.name, "a");
  EXPECT_EQ(outside.heap_dumps[0].info.version, "1.0.0");
  EXPECT_EQ(outside.heap_dumps[0].info.incident_id, live.Incidents()[0].id);
}

TEST(LiveStateTest, ABoundedCacheThatFillsIsNoIncident) {
  Outside outside;
  LiveState live({.wall_ns = kStart}, &outside);
  const Resource resource = ServiceAt("a", {{"telemetry.sdk.language", "cpp"}});
  for (int64_t second = 1; second <= 180; ++second) {
    live.OnSpans(SpansOf(resource, second - 1));
    // 200 bytes a request for a minute, then no more.
    ProfileBatch batch = ProfileOf(resource, std::min<int64_t>(second, 60), 100 << 10);
    batch.profile.time_ns = kStart + second * kNsPerSecond;
    if (second % 5 == 0) live.OnProfile(std::move(batch));
    live.Tick(kStart + second * kNsPerSecond);
  }
  EXPECT_TRUE(live.Incidents().empty());
  EXPECT_TRUE(outside.captures.empty());
}

TEST(LiveStateTest, ACaptureIsAttachedToItsIncident) {
  Outside outside;
  LiveState live({.wall_ns = kStart}, &outside);
  Play(&live, ServiceAt("a", {{"telemetry.sdk.language", "cpp"}}), 60, 2 << 20);
  ASSERT_FALSE(outside.captures.empty());
  live.OnCaptured(outside.captures[0],
                  {.id = outside.captures[0].id, .role = "worst", .file = "x.pb.gz"});
  ASSERT_EQ(live.Incidents()[0].evidence.captures.size(), 1u);
  EXPECT_EQ(live.Incidents()[0].evidence.captures[0].file, "x.pb.gz");
}

TEST(LiveStateTest, ASenderCannotNameAnotherHostToCaptureFrom) {
  Outside outside;
  LiveState live({.wall_ns = kStart}, &outside);
  const Resource resource =
      ServiceAt("a", {{"tidemark.peer", "127.0.0.1"}, {"tidemark.pprof.port", "6060"}});
  live.OnProfile(ProfileOf(resource, 5, 1 << 20));
  ASSERT_TRUE(live.RequestCapture("shop", "a"));
  EXPECT_EQ(outside.captures[0].url, "http://127.0.0.1:6060/debug/pprof/heap");

  const Resource hostile =
      ServiceAt("b", {{"tidemark.peer", "127.0.0.1"}, {"tidemark.pprof.port", "80@10.0.0.1:80"}});
  live.OnProfile(ProfileOf(hostile, 5, 1 << 20));
  ASSERT_TRUE(live.RequestCapture("shop", "b"));
  EXPECT_EQ(outside.captures[1].url, "");

  for (const auto& [pid, query] : {std::pair("4711", "?pid=4711"), std::pair("1&x=/etc", "")}) {
    const Resource watched = ServiceAt(pid, {{"tidemark.peer", "127.0.0.1"},
                                             {"tidemark.pprof.port", "6060"},
                                             {"tidemark.pprof.pid", pid}});
    live.OnProfile(ProfileOf(watched, 5, 1 << 20));
    ASSERT_TRUE(live.RequestCapture("shop", pid));
    EXPECT_EQ(outside.captures.back().url,
              std::string("http://127.0.0.1:6060/debug/pprof/heap") + query);
  }
}

// 0.25 MiB/s: far too little for the growth of stacks to judge in this time.
TEST(LiveStateTest, SurvivorsNameTheRouteOfASlowLeakBeforeItsStacksDo) {
  Outside outside;
  LiveState live({.wall_ns = kStart}, &outside);
  const Resource resource = ServiceAt("a", {{"telemetry.sdk.language", "cpp"}});
  // Samples of 64 KiB, so that the profile tells as much as a real one at that interval.
  int64_t suspect_s = 0;
  for (int64_t second = 1; second <= 150; ++second) {
    live.OnSpans(SpansOf(resource, second - 1));
    if (second % 5 == 0) live.OnProfile(ProfileOf(resource, second, 256 << 10, 64 << 10));
    live.Tick(kStart + second * kNsPerSecond);
    const auto routes = live.SurvivorRoutes("shop");
    if (suspect_s == 0 && !routes.empty() && routes[0].suspect) {
      suspect_s = second;
      EXPECT_EQ(routes[0].route, "/checkout");
      EXPECT_EQ(routes[0].version, "1.0.0");
      EXPECT_FALSE(routes[0].traces.empty());
      EXPECT_TRUE(live.Incidents().empty());
    }
  }
  EXPECT_GT(suspect_s, 60);
  EXPECT_LE(suspect_s, 90);
  EXPECT_TRUE(live.SurvivorRoutes("other").empty());
  double stored = 0;
  for (const MetricBatch& batch : outside.series) {
    for (const Point& point : batch.points) {
      if (point.metric != "tidemark.survivor.bytes") continue;
      EXPECT_EQ(AttributeOr(point.attributes, "http.route"), "/checkout");
      stored = point.value;
    }
  }
  EXPECT_NEAR(stored, 90 * 256 << 10, 10 * 256 << 10);
}

TEST(LiveStateTest, NearTheLimitACaptureIsTakenOnce) {
  Outside outside;
  LiveState live({.wall_ns = kStart}, &outside);
  const Resource resource = ServiceAt("a");
  for (int64_t second = 0; second < 60; second += 5) {
    const int64_t time_ns = kStart + second * kNsPerSecond;
    live.OnMetrics(
        {resource,
         {{.metric = "tidemark.memory.limit", .unit = "By", .time_ns = time_ns, .value = 100e6},
          {.metric = "process.memory.usage",
           .unit = "By",
           .time_ns = time_ns,
           .value = second < 30 ? 50e6 : 95e6}}});
    live.Tick(time_ns);
    EXPECT_EQ(outside.captures.empty(), second < 30);
  }
  ASSERT_EQ(outside.captures.size(), 1u);
  EXPECT_EQ(outside.captures[0].annotations.trigger, "limit");
}

TEST(LiveStateTest, AnUnknownServiceIsNamedInTheError) {
  Outside outside;
  LiveState live({.wall_ns = kStart}, &outside);
  const auto result = live.RequestCapture("nobody", "");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
  EXPECT_NE(result.error().message.find("nobody"), std::string::npos);
}

}  // namespace
}  // namespace tidemark
