// How fast one core decodes OTLP: requests as an SDK sends them (512 spans or 500 points of one
// process), ours against libprotobuf where it was built in, protobuf and JSON. Prints items/s and
// MB/s, the median of seven runs.
//
//   codec_bench [MILLISECONDS_A_RUN]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <protozero/pbf_writer.hpp>

#include "codec/ids.h"
#include "codec/otlp.h"
#include "codec/otlp_write.h"
#include "codec/pprof.h"
#include "codec/text.h"
#ifdef TIDEMARK_BENCH_PEER
#include "peer.h"
#endif

namespace tidemark {
namespace {

using protozero::pbf_writer;

constexpr int kSpans = 512, kPoints = 500, kRuns = 7;
constexpr int64_t kT0 = 1'767'225'600'000'000'000;

Resource SomeResource() {
  Resource resource;
  resource.attributes = {{"host.name", "node-17"},
                         {"process.pid", "4711"},
                         {"service.instance.id", "7f3c-1"},
                         {"service.name", "checkout"},
                         {"service.version", "1.4.2"},
                         {"telemetry.sdk.language", "go"},
                         {"telemetry.sdk.name", "opentelemetry"}};
  resource.target = TargetOf(resource.attributes);
  return resource;
}

// Server spans with the eight attributes of the HTTP conventions.
std::string TracesBody() {
  std::string out;
  pbf_writer request(out);
  pbf_writer resource_spans(request, 1);
  codec::WriteResource(resource_spans, SomeResource());
  pbf_writer scope(resource_spans, 2);
  for (uint64_t i = 0; i < kSpans; ++i) {
    pbf_writer span(scope, 2);
    span.add_bytes(1, codec::BytesOf(TraceId{i * 0x9E3779B97F4A7C15u, i + 1}));
    span.add_bytes(2, codec::BytesOf(SpanId{i + 1}));
    span.add_bytes(4, codec::BytesOf(SpanId{i + 2}));
    span.add_string(5, "GET /orders/{id}");
    span.add_enum(6, 2);
    span.add_fixed64(7, static_cast<uint64_t>(kT0) + i);
    span.add_fixed64(8, static_cast<uint64_t>(kT0) + i + 1'500'000);
    for (const char* key :
         {"http.request.method", "url.scheme", "server.address", "network.protocol.version",
          "http.response.status_code", "user_agent.original", "url.path"}) {
      codec::WriteAttribute(span, 9, key, "a value of 20 bytes.");
    }
    codec::WriteAttribute(span, 9, "http.route", "/orders/{id}");
  }
  scope.commit();
  resource_spans.commit();
  return out;
}

std::string MetricsBody() {
  MetricBatch batch;
  batch.resource = SomeResource();
  for (int i = 0; i < kPoints; ++i) {
    batch.points.push_back({.metric = "process.runtime.metric." + std::to_string(i / 4),
                            .attributes = {{"pool", "p" + std::to_string(i % 4)}, {"type", "heap"}},
                            .unit = "By",
                            .time_ns = kT0,
                            .value = i * 1.5});
  }
  return EncodeMetricsRequest({batch});
}

std::string SpansJson() {
  std::string out =
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":)"
      R"("checkout"}}]},"scopeSpans":[{"spans":[)";
  for (uint64_t i = 0; i < kSpans; ++i) {
    out += std::string(i == 0 ? "" : ",") + R"({"traceId":")" + ToHex(TraceId{i, i + 1}) +
           R"(","spanId":")" + ToHex(SpanId{i + 1}) +
           R"(","name":"GET /orders/{id}","kind":2,"startTimeUnixNano":")" + std::to_string(kT0) +
           R"(","endTimeUnixNano":")" + std::to_string(kT0 + 5) + R"(","attributes":[)";
    for (int j = 0; j < 7; ++j) {
      out += R"({"key":"http.request.attribute","value":{"stringValue":"a value of 20 bytes."}},)";
    }
    out += R"({"key":"http.route","value":{"stringValue":"/orders/{id}"}}]})";
  }
  return out + "]}]}]}";
}

// 2,000 stacks of 24 frames over 3,000 functions.
Profile SomeProfile() {
  Profile p;
  p.sample_types = {{"alloc_objects", "count"},
                    {"alloc_space", "bytes"},
                    {"inuse_objects", "count"},
                    {"inuse_space", "bytes"}};
  p.period_type = {"space", "bytes"};
  p.period = 524288;
  p.time_ns = kT0;
  p.mappings = {{0x400000, 0x800000, 0, "/app/checkout", "abcdef"}};
  for (uint32_t i = 0; i < 3000; ++i) {
    p.functions.push_back({"github.com/shop/checkout/internal.Function" + std::to_string(i), "",
                           "internal/file.go", 1});
    p.locations.push_back({0, 0x400000 + i * 16, {{i, i % 500}}});
  }
  for (uint32_t i = 0; i < 2000; ++i) {
    Sample sample{.values = {i, i * 512, i / 2, i * 256}, .labels = {{"bytes", "", 512, "bytes"}}};
    for (uint32_t j = 0; j < 24; ++j) sample.locations.push_back((i * 31 + j * j * 7) % 3000);
    p.samples.push_back(std::move(sample));
  }
  return p;
}

// CPU time of this process: what a busy machine does meanwhile does not count.
double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void Measure(const char* name, int64_t items, size_t bytes, int run_ms,
             const std::function<size_t()>& decode) {
  std::vector<double> seconds_each;
  for (int run = 0; run < kRuns; ++run) {
    const double begin = CpuSeconds();
    double now = begin;
    int64_t times = 0;
    for (; now < begin + run_ms / 1e3; now = CpuSeconds(), ++times) {
      if (decode() == 0) {
        std::fprintf(stderr, "%s: nothing decoded\n", name);
        std::exit(1);
      }
    }
    seconds_each.push_back((now - begin) / static_cast<double>(times));
  }
  std::sort(seconds_each.begin(), seconds_each.end());
  const double seconds = seconds_each[kRuns / 2];
  std::printf("%-34s %9.0f items/s %7.1f MB/s   (%lld items, %zu bytes a request)\n", name,
              static_cast<double>(items) / seconds, static_cast<double>(bytes) / seconds / 1e6,
              static_cast<long long>(items), bytes);
}

int Run(int run_ms) {
  constexpr auto kProtobuf = OtlpEncoding::kProtobuf;
  const std::string traces = TracesBody(), metrics = MetricsBody(), json = SpansJson();
  const Profile profile = SomeProfile();
  const std::string otlp_profile = EncodeProfilesRequest({{SomeResource(), profile}});
  const std::string pprof = EncodePprof(profile);
  Measure("spans, protobuf", kSpans, traces.size(), run_ms,
          [&] { return DecodeTraces(traces, kProtobuf)->batches.size(); });
#ifdef TIDEMARK_BENCH_PEER
  Measure("spans, protobuf, libprotobuf", kSpans, traces.size(), run_ms,
          [&] { return bench::PeerDecodeTraces(traces).size(); });
#endif
  Measure("spans, JSON", kSpans, json.size(), run_ms,
          [&] { return DecodeTraces(json, OtlpEncoding::kJson)->batches.size(); });
  Measure("points, protobuf", kPoints, metrics.size(), run_ms,
          [&] { return DecodeMetrics(metrics, kProtobuf)->batches.size(); });
#ifdef TIDEMARK_BENCH_PEER
  Measure("points, protobuf, libprotobuf", kPoints, metrics.size(), run_ms,
          [&] { return bench::PeerDecodeMetrics(metrics).size(); });
#endif
  Measure("samples, OTLP profiles", 2000, otlp_profile.size(), run_ms,
          [&] { return DecodeProfiles(otlp_profile, kProtobuf)->batches.size(); });
  Measure("samples, pprof with gzip", 2000, pprof.size(), run_ms,
          [&] { return DecodeProfile(pprof)->samples.size(); });
  Measure("samples, pprof written with gzip", 2000, pprof.size(), run_ms,
          [&] { return EncodePprof(profile).size(); });
  return 0;
}

}  // namespace
}  // namespace tidemark

int main(int argc, char** argv) { return tidemark::Run(argc > 1 ? std::atoi(argv[1]) : 300); }
