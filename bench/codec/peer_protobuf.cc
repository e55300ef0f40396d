#include <google/protobuf/arena.h>

#include "codec/ids.h"
#include "codec/otlp.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"
#include "peer.h"

namespace tidemark::bench {
namespace {

namespace otel = opentelemetry::proto;

// The benchmark's values are strings.
template <typename Pairs>
Attributes AttributesOf(const Pairs& pairs) {
  Attributes attributes;
  for (const auto& pair : pairs) attributes.emplace_back(pair.key(), pair.value().string_value());
  Normalize(&attributes);
  return attributes;
}

Resource ResourceOf(const otel::resource::v1::Resource& in) {
  Resource resource;
  resource.attributes = AttributesOf(in.attributes());
  resource.target = TargetOf(resource.attributes);
  return resource;
}

}  // namespace

std::vector<SpanBatch> PeerDecodeTraces(std::string_view body) {
  google::protobuf::Arena arena;
  auto* request =
      google::protobuf::Arena::CreateMessage<otel::collector::trace::v1::ExportTraceServiceRequest>(
          &arena);
  std::vector<SpanBatch> batches;
  if (!request->ParseFromArray(body.data(), static_cast<int>(body.size()))) return batches;
  for (const auto& resource_spans : request->resource_spans()) {
    SpanBatch& batch = batches.emplace_back();
    batch.resource = ResourceOf(resource_spans.resource());
    for (const auto& scope : resource_spans.scope_spans()) {
      for (const auto& in : scope.spans()) {
        Span& span = batch.spans.emplace_back();
        codec::ReadTraceId(in.trace_id(), &span.trace_id);
        codec::ReadSpanId(in.span_id(), &span.span_id);
        codec::ReadSpanId(in.parent_span_id(), &span.parent_id);
        span.name = in.name();
        span.kind = static_cast<SpanKind>(in.kind());
        span.start_ns = static_cast<int64_t>(in.start_time_unix_nano());
        span.end_ns = static_cast<int64_t>(in.end_time_unix_nano());
        span.error = in.status().code() == otel::trace::v1::Status::STATUS_CODE_ERROR;
        for (const auto& pair : in.attributes()) {
          if (pair.key() == "http.route") span.route = pair.value().string_value();
        }
      }
    }
  }
  return batches;
}

std::vector<MetricBatch> PeerDecodeMetrics(std::string_view body) {
  google::protobuf::Arena arena;
  auto* request = google::protobuf::Arena::CreateMessage<
      otel::collector::metrics::v1::ExportMetricsServiceRequest>(&arena);
  std::vector<MetricBatch> batches;
  if (!request->ParseFromArray(body.data(), static_cast<int>(body.size()))) return batches;
  for (const auto& resource_metrics : request->resource_metrics()) {
    MetricBatch& batch = batches.emplace_back();
    batch.resource = ResourceOf(resource_metrics.resource());
    for (const auto& scope : resource_metrics.scope_metrics()) {
      for (const auto& metric : scope.metrics()) {
        for (const auto& in : metric.gauge().data_points()) {
          Point& point = batch.points.emplace_back();
          point.metric = metric.name();
          point.unit = metric.unit();
          point.attributes = AttributesOf(in.attributes());
          point.time_ns = static_cast<int64_t>(in.time_unix_nano());
          point.value = in.as_double();
        }
      }
    }
  }
  return batches;
}

}  // namespace tidemark::bench
