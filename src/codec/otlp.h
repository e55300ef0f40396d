// OTLP export requests and answers, protobuf and JSON (opentelemetry-proto v1.11, profiles layouts
// of v1.8 to v1.11). Decoders take the inflated body and copy what they keep. A malformed body is
// an invalid argument error that names the byte offset (protobuf) or key path (JSON) and the value;
// a broken item inside a sound body is counted in `rejected`, and the rest is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/point.h"
#include "model/profile.h"
#include "model/span.h"

namespace tidemark {

enum class OtlpEncoding : uint8_t { kProtobuf, kJson };
enum class OtlpSignal : uint8_t { kTraces, kMetrics, kProfiles, kLogs };

// Items of one request that were refused, and the reason for the sender's developer ("" when none
// were).
struct Rejected {
  int64_t items = 0;
  std::string message;    // the first reason; a non-empty message with items = 0 is a warning
  int64_t truncated = 0;  // attributes, labels and names that were cut or dropped for a limit
};

struct DecodedTraces {
  std::vector<SpanBatch> batches;
  Rejected rejected;
};

// Histograms and summaries become counters NAME.count and NAME.sum; exponential ones too.
struct DecodedMetrics {
  std::vector<MetricBatch> batches;
  Rejected rejected;
};

// Profiles of one sender and time that differ in sample type only are joined into one with several
// value columns. Links become labels trace_id and span_id.
struct DecodedProfiles {
  std::vector<ProfileBatch> batches;
  Rejected rejected;
};

// Who sent it, from resource attributes (docs/formats/otlp.md, "Who sent it"). `service` is never
// empty; `instance` is, when the attributes name none: the receiver then puts the peer's address
// there.
Target TargetOf(const Attributes& resource_attributes);

Result<DecodedTraces> DecodeTraces(std::string_view body, OtlpEncoding encoding);
Result<DecodedMetrics> DecodeMetrics(std::string_view body, OtlpEncoding encoding);
Result<DecodedProfiles> DecodeProfiles(std::string_view body, OtlpEncoding encoding);

// Export...ServiceResponse; partial_success is set only when something was rejected or warned
// about.
std::string EncodeExportResponse(OtlpSignal signal, const Rejected& rejected,
                                 OtlpEncoding encoding);

// google.rpc.Status for HTTP error bodies and grpc-status-details-bin. `retry_after_s` > 0 adds
// RetryInfo.
std::string EncodeStatus(int grpc_code, std::string_view message, int retry_after_s,
                         OtlpEncoding encoding);

// The way out, protobuf: what our own collector sends.
std::string EncodeTracesRequest(const std::vector<SpanBatch>& batches);
std::string EncodeMetricsRequest(const std::vector<MetricBatch>& batches);
std::string EncodeProfilesRequest(const std::vector<ProfileBatch>& batches);

}  // namespace tidemark
