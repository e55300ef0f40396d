#include "telemetry/otlp_requests.h"

#include <algorithm>
#include <protozero/exception.hpp>
#include <protozero/pbf_reader.hpp>

#include "codec/otlp_write.h"

namespace tidemark::sdk {
namespace {

using protozero::pbf_writer;

bool IsZero(const uint8_t* bytes, size_t size) {
  return std::all_of(bytes, bytes + size, [](uint8_t byte) { return byte == 0; });
}

// At most `max_bytes`, cut where a UTF-8 character begins: OTLP strings must be well-formed.
std::string_view Cut(std::string_view text, size_t max_bytes) {
  if (text.size() <= max_bytes) return text;
  while (max_bytes > 0 && (static_cast<uint8_t>(text[max_bytes]) & 0xc0) == 0x80) --max_bytes;
  return text.substr(0, max_bytes);
}

void AddBytes(pbf_writer* out, uint32_t field, const uint8_t* bytes, size_t size) {
  out->add_bytes(field, reinterpret_cast<const char*>(bytes), size);
}

// Field numbers: opentelemetry/proto/trace/v1/trace.proto, message Span.
void WriteAttributes(const EndedSpan& span, pbf_writer* out) {
  if (!span.route.empty()) {
    codec::WriteAttribute(*out, 9, "http.route", Cut(span.route, kMaxTextBytes));
  }
  size_t bytes = 0;
  uint32_t dropped = 0;
  for (const auto& [key, value] : span.attributes) {
    const size_t cost = key.size() + value.size();
    if (bytes + cost > kMaxAttributeBytes) {
      ++dropped;
      continue;
    }
    bytes += cost;
    codec::WriteAttribute(*out, 9, key, value);
  }
  if (dropped != 0) out->add_uint32(10, dropped);
}

tidemark::Point ToPoint(const MetricPoint& point) {
  tidemark::Point out;
  out.metric = point.name;
  out.attributes = point.attributes;
  out.unit = point.unit;
  out.kind = point.counter ? PointKind::kCounter : PointKind::kGauge;
  out.start_ns = point.start_unix_ns;
  out.time_ns = point.time_unix_ns;
  out.value = point.value;
  return out;
}

}  // namespace

void AppendSpan(const EndedSpan& span, std::string* out) {
  pbf_writer list(*out);
  pbf_writer message(list, 2);
  AddBytes(&message, 1, span.span.trace_id, sizeof span.span.trace_id);
  AddBytes(&message, 2, span.span.span_id, sizeof span.span.span_id);
  if (!IsZero(span.parent_id, sizeof span.parent_id)) {
    AddBytes(&message, 4, span.parent_id, sizeof span.parent_id);
  }
  const std::string_view name = Cut(span.name, kMaxTextBytes);
  message.add_string(5, name.data(), name.size());
  message.add_enum(6, static_cast<int>(span.kind));
  message.add_fixed64(7, static_cast<uint64_t>(span.start_unix_ns));
  message.add_fixed64(8, static_cast<uint64_t>(span.end_unix_ns));
  WriteAttributes(span, &message);
  if (span.error) pbf_writer(message, 15).add_enum(3, 2);  // STATUS_CODE_ERROR
}

Rank RankOf(const EndedSpan& span) {
  if (span.error) return Rank::kError;
  const bool entry = span.kind == SpanKind::kServer || span.kind == SpanKind::kConsumer;
  return entry || IsZero(span.parent_id, sizeof span.parent_id) ? Rank::kRoot : Rank::kInner;
}

std::string TracesRequest(const Resource& resource, std::string_view joined_spans) {
  std::string out;
  out.reserve(joined_spans.size() + 1024);
  {
    pbf_writer request(out);
    pbf_writer resource_spans(request, 1);
    codec::WriteResource(resource_spans, resource);
    pbf_writer scope_spans(resource_spans, 2);
    pbf_writer(scope_spans, 1).add_string(1, "tidemark");
    out.append(joined_spans);
  }
  return out;
}

std::string MetricsRequest(const Resource& resource, const std::vector<MetricPoint>& points) {
  MetricBatch batch{resource, {}};
  batch.points.reserve(points.size());
  for (const MetricPoint& point : points) batch.points.push_back(ToPoint(point));
  return EncodeMetricsRequest({batch});
}

uint64_t RejectedItems(std::string_view answer, std::string* message) try {
  protozero::pbf_reader response(answer.data(), answer.size());
  if (!response.next(1, protozero::pbf_wire_type::length_delimited)) return 0;
  protozero::pbf_reader partial = response.get_message();
  int64_t rejected = 0;
  while (partial.next()) {
    if (partial.tag_and_type() == protozero::tag_and_type(1, protozero::pbf_wire_type::varint)) {
      rejected = partial.get_int64();
    } else if (partial.tag_and_type() ==
               protozero::tag_and_type(2, protozero::pbf_wire_type::length_delimited)) {
      *message = partial.get_string();
    } else {
      partial.skip();
    }
  }
  return rejected > 0 ? static_cast<uint64_t>(rejected) : 0;
} catch (const protozero::exception&) {
  return 0;
}

}  // namespace tidemark::sdk
