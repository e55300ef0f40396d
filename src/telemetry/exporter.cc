#include "tidemark/exporter.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/time.h"
#include "net/url.h"
#include "telemetry/exporter_state.h"
#include "telemetry/otlp_requests.h"

namespace tidemark::sdk {
namespace {

std::string EndpointOf(const ExporterOptions& options) {
  std::string endpoint = options.endpoint;
  if (endpoint.empty()) {
    const char* said = std::getenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    endpoint = said == nullptr || *said == '\0' ? "http://127.0.0.1:4318" : said;
  }
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

void AddPoint(std::vector<MetricPoint>* points, const char* name, const char* unit, bool counter,
              uint64_t value, Attributes attributes) {
  MetricPoint point;
  point.name = name;
  point.unit = unit;
  point.counter = counter;
  point.time_unix_ns = WallClockNs();
  point.value = static_cast<double>(value);
  point.attributes = std::move(attributes);
  points->push_back(std::move(point));
}

void AddDropped(std::vector<MetricPoint>* points, const char* signal, const SignalStats& stats) {
  const std::pair<const char*, uint64_t> reasons[] = {
      {"full", stats.dropped_full},       {"memory", stats.dropped_pressure},
      {"refused", stats.dropped_refused}, {"unreachable", stats.dropped_expired},
      {"rejected", stats.rejected},       {"shutdown", stats.dropped_shutdown}};
  for (const auto& [reason, count] : reasons) {
    AddPoint(points, "tidemark.exporter.dropped", "{item}", true, count,
             {{"reason", reason}, {"signal", signal}});
  }
}

}  // namespace

std::unique_ptr<Exporter> Exporter::Start(ExporterOptions options, std::string* error) {
  std::string endpoint = EndpointOf(options);
  if (const auto url = ParseUrl(endpoint); !url) {
    *error = "OTLP endpoint: " + url.error().message;
    return nullptr;
  }
  Resource resource = MakeResource(options.resource);
  auto state =
      std::make_unique<State>(std::move(options), std::move(endpoint), std::move(resource));
  return std::unique_ptr<Exporter>(new Exporter(std::move(state)));
}

Exporter::Exporter(std::unique_ptr<State> state) : state_(std::move(state)) {}
Exporter::~Exporter() { Shutdown(state_->options.shutdown_ns); }

void Exporter::Add(const EndedSpan& span) { state_->Add(span); }
void Exporter::Add(const std::vector<MetricPoint>& points) { state_->Add(points); }

void Exporter::AddSource(std::function<std::vector<MetricPoint>()> source) {
  const std::lock_guard lock(state_->mutex);
  state_->sources.push_back(std::move(source));
}

bool Exporter::Flush(int64_t timeout_ns) { return state_->Flush(timeout_ns); }
bool Exporter::Shutdown(int64_t timeout_ns) { return state_->Shutdown(timeout_ns); }
ExporterStats Exporter::stats() const { return state_->Stats(); }

std::vector<MetricPoint> Exporter::Metrics() const {
  const ExporterStats stats = state_->Stats();
  std::vector<MetricPoint> points;
  AddPoint(&points, "otel.sdk.exporter.span.exported", "{span}", true, stats.spans.sent, {});
  AddPoint(&points, "otel.sdk.exporter.metric_data_point.exported", "{data_point}", true,
           stats.points.sent, {});
  AddDropped(&points, "spans", stats.spans);
  AddDropped(&points, "metrics", stats.points);
  AddPoint(&points, "tidemark.exporter.queue", "By", false, stats.queue_bytes, {});
  return points;
}

}  // namespace tidemark::sdk
