#include "codec/ids.h"
#include "codec/otlp.h"
#include "codec/otlp_write.h"

namespace tidemark {
namespace codec {
namespace {

using protozero::pbf_writer;

void WriteSpan(pbf_writer& scope, const Span& span) {
  pbf_writer out(scope, 2);
  out.add_bytes(1, BytesOf(span.trace_id));
  out.add_bytes(2, BytesOf(span.span_id));
  if (span.parent_id != SpanId::kNone) out.add_bytes(4, BytesOf(span.parent_id));
  out.add_string(5, span.name);
  if (span.kind != SpanKind::kUnspecified) out.add_enum(6, static_cast<int>(span.kind));
  out.add_fixed64(7, static_cast<uint64_t>(span.start_ns));
  out.add_fixed64(8, static_cast<uint64_t>(span.end_ns));
  if (!span.route.empty()) WriteAttribute(out, 9, "http.route", span.route);
  if (span.error) pbf_writer(out, 15).add_enum(3, 2);  // STATUS_CODE_ERROR
}

// Points that one Metric message holds.
bool SameMetric(const Point& a, const Point& b) {
  return a.metric == b.metric && a.unit == b.unit && a.kind == b.kind;
}

void WritePoint(pbf_writer& data, const Point& point) {
  pbf_writer out(data, 1);
  if (point.start_ns != 0) out.add_fixed64(2, static_cast<uint64_t>(point.start_ns));
  out.add_fixed64(3, static_cast<uint64_t>(point.time_ns));
  out.add_double(4, point.value);
  for (const auto& [key, value] : point.attributes) WriteAttribute(out, 7, key, value);
}

// Writes points [begin, end) of one metric: gauges as Gauge, counters as a monotonic cumulative
// Sum.
void WriteMetric(pbf_writer& scope, const Point* begin, const Point* end) {
  pbf_writer metric(scope, 2);
  metric.add_string(1, begin->metric);
  if (!begin->unit.empty()) metric.add_string(3, begin->unit);
  const bool counter = begin->kind == PointKind::kCounter;
  pbf_writer data(metric, counter ? 7 : 5);
  for (const Point* point = begin; point != end; ++point) WritePoint(data, *point);
  if (!counter) return;
  data.add_enum(2, 2);  // AGGREGATION_TEMPORALITY_CUMULATIVE
  data.add_bool(3, true);
}

}  // namespace

void WriteAttribute(pbf_writer& parent, uint32_t field, std::string_view key,
                    std::string_view value) {
  pbf_writer pair(parent, field);
  pair.add_string(1, key.data(), key.size());
  pbf_writer(pair, 2).add_string(1, value.data(), value.size());
}

void WriteResource(pbf_writer& parent, const Resource& resource) {
  pbf_writer out(parent, 1);
  const Target said = TargetOf(resource.attributes);
  const Target& target = resource.target;
  // A later attribute of the same key wins.
  for (const auto& [key, value] : resource.attributes) WriteAttribute(out, 1, key, value);
  if (target.service != said.service) WriteAttribute(out, 1, "service.name", target.service);
  if (target.service_namespace != said.service_namespace) {
    WriteAttribute(out, 1, "service.namespace", target.service_namespace);
  }
  if (target.version != said.version) WriteAttribute(out, 1, "service.version", target.version);
  if (target.instance != said.instance) {
    WriteAttribute(out, 1, "service.instance.id", target.instance);
  }
}

}  // namespace codec

std::string EncodeTracesRequest(const std::vector<SpanBatch>& batches) {
  std::string out;
  protozero::pbf_writer request(out);
  for (const SpanBatch& batch : batches) {
    protozero::pbf_writer resource_spans(request, 1);
    codec::WriteResource(resource_spans, batch.resource);
    protozero::pbf_writer scope(resource_spans, 2);
    for (const Span& span : batch.spans) codec::WriteSpan(scope, span);
  }
  return out;
}

std::string EncodeMetricsRequest(const std::vector<MetricBatch>& batches) {
  std::string out;
  protozero::pbf_writer request(out);
  for (const MetricBatch& batch : batches) {
    protozero::pbf_writer resource_metrics(request, 1);
    codec::WriteResource(resource_metrics, batch.resource);
    protozero::pbf_writer scope(resource_metrics, 2);
    const Point* const end = batch.points.data() + batch.points.size();
    for (const Point* begin = batch.points.data(); begin != end;) {
      const Point* next = begin + 1;
      while (next != end && codec::SameMetric(*begin, *next)) ++next;
      codec::WriteMetric(scope, begin, next);
      begin = next;
    }
  }
  return out;
}

}  // namespace tidemark
