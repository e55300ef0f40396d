#include "codec/json_schema.h"

#include <array>
#include <string>

namespace tidemark::codec {
namespace {

using enum JsonKind;
constexpr bool kRepeated = true;
constexpr bool kOne = false;

constexpr std::array<std::string_view, 6> kSpanKinds = {"UNSPECIFIED", "INTERNAL", "SERVER",
                                                        "CLIENT",      "PRODUCER", "CONSUMER"};
constexpr std::array<std::string_view, 3> kStatusCodes = {"UNSET", "OK", "ERROR"};
constexpr std::array<std::string_view, 3> kTemporalities = {"UNSPECIFIED", "DELTA", "CUMULATIVE"};

// opentelemetry/proto/common/v1/common.proto and resource/v1/resource.proto

extern const JsonMessage kAnyValue;
extern const JsonMessage kKeyValue;

constexpr JsonField kArrayValueFields[] = {{"values", 1, kMessage, kRepeated, &kAnyValue}};
constexpr JsonMessage kArrayValue = {"ArrayValue", kArrayValueFields};
constexpr JsonField kKeyValueListFields[] = {{"values", 1, kMessage, kRepeated, &kKeyValue}};
constexpr JsonMessage kKeyValueList = {"KeyValueList", kKeyValueListFields};

constexpr JsonField kAnyValueFields[] = {
    {"stringValue", 1, kString},
    {"boolValue", 2, kBool},
    {"intValue", 3, kVarint},
    {"doubleValue", 4, kDouble},
    {"arrayValue", 5, kMessage, kOne, &kArrayValue},
    {"kvlistValue", 6, kMessage, kOne, &kKeyValueList},
    {"bytesValue", 7, kBytes},
    {"stringValueStrindex", 8, kVarint},
};
const JsonMessage kAnyValue = {"AnyValue", kAnyValueFields};

constexpr JsonField kKeyValueFields[] = {
    {"key", 1, kString},
    {"value", 2, kMessage, kOne, &kAnyValue},
    {"keyStrindex", 3, kVarint},
};
const JsonMessage kKeyValue = {"KeyValue", kKeyValueFields};

constexpr JsonField kAttributesOnlyFields[] = {{"attributes", 1, kMessage, kRepeated, &kKeyValue}};
constexpr JsonMessage kResource = {"Resource", kAttributesOnlyFields};
constexpr JsonField kScopeFields[] = {{"attributes", 3, kMessage, kRepeated, &kKeyValue}};
constexpr JsonMessage kScope = {"InstrumentationScope", kScopeFields};

// opentelemetry/proto/trace/v1/trace.proto

constexpr JsonField kStatusFields[] = {
    {"code", 3, kEnum, kOne, nullptr, "STATUS_CODE_", kStatusCodes}};
constexpr JsonMessage kStatus = {"Status", kStatusFields};

constexpr JsonField kSpanFields[] = {
    {"traceId", 1, kId},
    {"spanId", 2, kId},
    {"parentSpanId", 4, kId},
    {"name", 5, kString},
    {"kind", 6, kEnum, kOne, nullptr, "SPAN_KIND_", kSpanKinds},
    {"startTimeUnixNano", 7, kFixed64},
    {"endTimeUnixNano", 8, kFixed64},
    {"attributes", 9, kMessage, kRepeated, &kKeyValue},
    {"status", 15, kMessage, kOne, &kStatus},
};
constexpr JsonMessage kSpan = {"Span", kSpanFields};
constexpr JsonField kScopeSpansFields[] = {{"spans", 2, kMessage, kRepeated, &kSpan}};
constexpr JsonMessage kScopeSpans = {"ScopeSpans", kScopeSpansFields};
constexpr JsonField kResourceSpansFields[] = {
    {"resource", 1, kMessage, kOne, &kResource},
    {"scopeSpans", 2, kMessage, kRepeated, &kScopeSpans},
};
constexpr JsonMessage kResourceSpans = {"ResourceSpans", kResourceSpansFields};
constexpr JsonField kTracesFields[] = {{"resourceSpans", 1, kMessage, kRepeated, &kResourceSpans}};

// opentelemetry/proto/metrics/v1/metrics.proto

constexpr JsonField kNumberPointFields[] = {
    {"startTimeUnixNano", 2, kFixed64},
    {"timeUnixNano", 3, kFixed64},
    {"asDouble", 4, kDouble},
    {"asInt", 6, kFixed64},
    {"attributes", 7, kMessage, kRepeated, &kKeyValue},
    {"flags", 8, kVarint},
};
constexpr JsonMessage kNumberPoint = {"NumberDataPoint", kNumberPointFields};
constexpr JsonField kHistogramPointFields[] = {
    {"startTimeUnixNano", 2, kFixed64},
    {"timeUnixNano", 3, kFixed64},
    {"count", 4, kFixed64},
    {"sum", 5, kDouble},
    {"attributes", 9, kMessage, kRepeated, &kKeyValue},
    {"flags", 10, kVarint},
};
constexpr JsonMessage kHistogramPoint = {"HistogramDataPoint", kHistogramPointFields};
constexpr JsonField kExponentialPointFields[] = {
    {"attributes", 1, kMessage, kRepeated, &kKeyValue},
    {"startTimeUnixNano", 2, kFixed64},
    {"timeUnixNano", 3, kFixed64},
    {"count", 4, kFixed64},
    {"sum", 5, kDouble},
    {"flags", 10, kVarint},
};
constexpr JsonMessage kExponentialPoint = {"ExponentialHistogramDataPoint",
                                           kExponentialPointFields};
constexpr JsonField kSummaryPointFields[] = {
    {"startTimeUnixNano", 2, kFixed64},
    {"timeUnixNano", 3, kFixed64},
    {"count", 4, kFixed64},
    {"sum", 5, kDouble},
    {"attributes", 7, kMessage, kRepeated, &kKeyValue},
    {"flags", 8, kVarint},
};
constexpr JsonMessage kSummaryPoint = {"SummaryDataPoint", kSummaryPointFields};

constexpr JsonField kTemporality = {
    "aggregationTemporality", 2, kEnum, kOne, nullptr, "AGGREGATION_TEMPORALITY_", kTemporalities};
constexpr JsonField kGaugeFields[] = {{"dataPoints", 1, kMessage, kRepeated, &kNumberPoint}};
constexpr JsonMessage kGauge = {"Gauge", kGaugeFields};
constexpr JsonField kSumFields[] = {
    {"dataPoints", 1, kMessage, kRepeated, &kNumberPoint}, kTemporality, {"isMonotonic", 3, kBool}};
constexpr JsonMessage kSum = {"Sum", kSumFields};
constexpr JsonField kHistogramFields[] = {{"dataPoints", 1, kMessage, kRepeated, &kHistogramPoint},
                                          kTemporality};
constexpr JsonMessage kHistogram = {"Histogram", kHistogramFields};
constexpr JsonField kExponentialFields[] = {
    {"dataPoints", 1, kMessage, kRepeated, &kExponentialPoint}, kTemporality};
constexpr JsonMessage kExponential = {"ExponentialHistogram", kExponentialFields};
constexpr JsonField kSummaryFields[] = {{"dataPoints", 1, kMessage, kRepeated, &kSummaryPoint}};
constexpr JsonMessage kSummary = {"Summary", kSummaryFields};

constexpr JsonField kMetricFields[] = {
    {"name", 1, kString},
    {"unit", 3, kString},
    {"gauge", 5, kMessage, kOne, &kGauge},
    {"sum", 7, kMessage, kOne, &kSum},
    {"histogram", 9, kMessage, kOne, &kHistogram},
    {"exponentialHistogram", 10, kMessage, kOne, &kExponential},
    {"summary", 11, kMessage, kOne, &kSummary},
};
constexpr JsonMessage kMetric = {"Metric", kMetricFields};
constexpr JsonField kScopeMetricsFields[] = {{"metrics", 2, kMessage, kRepeated, &kMetric}};
constexpr JsonMessage kScopeMetrics = {"ScopeMetrics", kScopeMetricsFields};
constexpr JsonField kResourceMetricsFields[] = {
    {"resource", 1, kMessage, kOne, &kResource},
    {"scopeMetrics", 2, kMessage, kRepeated, &kScopeMetrics},
};
constexpr JsonMessage kResourceMetrics = {"ResourceMetrics", kResourceMetricsFields};
constexpr JsonField kMetricsFields[] = {
    {"resourceMetrics", 1, kMessage, kRepeated, &kResourceMetrics}};

// opentelemetry/proto/profiles/v1development/profiles.proto, v1.10 and v1.11. Layouts v1.8 and v1.9
// differ on the wire but not in these names, so their JSON is read as well.

constexpr JsonField kLineFields[] = {{"functionIndex", 1, kVarint}, {"line", 2, kVarint}};
constexpr JsonMessage kLine = {"Line", kLineFields};
constexpr JsonField kLocationFields[] = {
    {"mappingIndex", 1, kVarint},
    {"address", 2, kVarint},
    {"lines", 3, kMessage, kRepeated, &kLine},
};
constexpr JsonMessage kLocation = {"Location", kLocationFields};
constexpr JsonField kFunctionFields[] = {
    {"nameStrindex", 1, kVarint},
    {"systemNameStrindex", 2, kVarint},
    {"filenameStrindex", 3, kVarint},
    {"startLine", 4, kVarint},
};
constexpr JsonMessage kFunction = {"Function", kFunctionFields};
constexpr JsonField kMappingFields[] = {
    {"memoryStart", 1, kVarint},
    {"memoryLimit", 2, kVarint},
    {"fileOffset", 3, kVarint},
    {"filenameStrindex", 4, kVarint},
    {"attributeIndices", 5, kVarint, kRepeated},
};
constexpr JsonMessage kMapping = {"Mapping", kMappingFields};
constexpr JsonField kLinkFields[] = {{"traceId", 1, kId}, {"spanId", 2, kId}};
constexpr JsonMessage kLink = {"Link", kLinkFields};
constexpr JsonField kKeyValueAndUnitFields[] = {
    {"keyStrindex", 1, kVarint},
    {"value", 2, kMessage, kOne, &kAnyValue},
    {"unitStrindex", 3, kVarint},
};
constexpr JsonMessage kKeyValueAndUnit = {"KeyValueAndUnit", kKeyValueAndUnitFields};
constexpr JsonField kStackFields[] = {{"locationIndices", 1, kVarint, kRepeated}};
constexpr JsonMessage kStack = {"Stack", kStackFields};
constexpr JsonField kDictionaryFields[] = {
    {"mappingTable", 1, kMessage, kRepeated, &kMapping},
    {"locationTable", 2, kMessage, kRepeated, &kLocation},
    {"functionTable", 3, kMessage, kRepeated, &kFunction},
    {"linkTable", 4, kMessage, kRepeated, &kLink},
    {"stringTable", 5, kString, kRepeated},
    {"attributeTable", 6, kMessage, kRepeated, &kKeyValueAndUnit},
    {"stackTable", 7, kMessage, kRepeated, &kStack},
    {"attributeUnits", 0, kRefused},
};
constexpr JsonMessage kDictionary = {"ProfilesDictionary", kDictionaryFields};

constexpr JsonField kValueTypeFields[] = {{"typeStrindex", 1, kVarint},
                                          {"unitStrindex", 2, kVarint}};
constexpr JsonMessage kValueType = {"ValueType", kValueTypeFields};
constexpr JsonField kSampleFields[] = {
    {"stackIndex", 1, kVarint},
    {"attributeIndices", 2, kVarint, kRepeated},
    {"linkIndex", 3, kVarint},
    {"values", 4, kVarint, kRepeated},
    {"timestampsUnixNano", 5, kFixed64, kRepeated},
    {"locationsStartIndex", 0, kRefused},
    {"locationsLength", 0, kRefused},
};
constexpr JsonMessage kSample = {"Sample", kSampleFields};
constexpr JsonField kProfileFields[] = {
    {"sampleType", 1, kMessage, kOne, &kValueType},
    {"samples", 2, kMessage, kRepeated, &kSample},
    {"sample", 2, kMessage, kRepeated, &kSample},  // the name up to v1.8
    {"timeUnixNano", 3, kFixed64},
    {"durationNano", 4, kVarint},
    {"periodType", 5, kMessage, kOne, &kValueType},
    {"period", 6, kVarint},
    {"attributeIndices", 11, kVarint, kRepeated},
    {"locationIndices", 0, kRefused},
    {"stringTable", 0, kRefused},
};
constexpr JsonMessage kProfile = {"Profile", kProfileFields};
constexpr JsonField kScopeProfilesFields[] = {
    {"scope", 1, kMessage, kOne, &kScope},
    {"profiles", 2, kMessage, kRepeated, &kProfile},
};
constexpr JsonMessage kScopeProfiles = {"ScopeProfiles", kScopeProfilesFields};
constexpr JsonField kResourceProfilesFields[] = {
    {"resource", 1, kMessage, kOne, &kResource},
    {"scopeProfiles", 2, kMessage, kRepeated, &kScopeProfiles},
};
constexpr JsonMessage kResourceProfiles = {"ResourceProfiles", kResourceProfilesFields};
constexpr JsonField kProfilesFields[] = {
    {"resourceProfiles", 1, kMessage, kRepeated, &kResourceProfiles},
    {"dictionary", 2, kMessage, kOne, &kDictionary},
};

}  // namespace

const JsonMessage kJsonTracesRequest = {"ExportTraceServiceRequest", kTracesFields};
const JsonMessage kJsonMetricsRequest = {"ExportMetricsServiceRequest", kMetricsFields};
const JsonMessage kJsonProfilesRequest = {"ExportProfilesServiceRequest", kProfilesFields};

const JsonField* FindJsonField(const JsonMessage& message, std::string_view key) {
  for (const JsonField& field : message.fields) {
    if (field.name == key) return &field;
  }
  if (key.find('_') == std::string_view::npos) return nullptr;
  std::string camel;
  for (const char c : key) {
    const bool raise = !camel.empty() && camel.back() == '_';
    if (raise) camel.pop_back();
    camel.push_back(raise && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
  }
  return camel.find('_') == std::string::npos ? FindJsonField(message, camel) : nullptr;
}

}  // namespace tidemark::codec
