// Spans and points of the SDK as OTLP requests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codec/otlp.h"
#include "telemetry/export_queue.h"
#include "tidemark/exporter.hpp"

namespace tidemark::sdk {

inline constexpr size_t kMaxTextBytes = 1024;           // of a name or route
inline constexpr size_t kMaxAttributeBytes = 16 << 10;  // of a span

// Appends the span as field 2 (spans) of a ScopeSpans message, so that joined ones are joined
// lists.
void AppendSpan(const EndedSpan& span, std::string* out);

// The least of the ranks that fit.
Rank RankOf(const EndedSpan& span);

// ExportTraceServiceRequest around joined spans.
std::string TracesRequest(const Resource& resource, std::string_view joined_spans);

// ExportMetricsServiceRequest; joined requests are one request.
std::string MetricsRequest(const Resource& resource, const std::vector<MetricPoint>& points);

// rejected_spans or rejected_data_points of an answer's partial_success; 0 for anything else,
// whatever the bytes. `message` gets its error_message.
uint64_t RejectedItems(std::string_view answer, std::string* message);

// What to send as: options over environment over what the process knows of itself.
Resource MakeResource(const Attributes& given);

}  // namespace tidemark::sdk
