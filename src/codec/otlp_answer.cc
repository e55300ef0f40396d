// What OTLP senders get back (opentelemetry-proto docs/specification.md, "Full Success" to
// "Failures"; google/rpc/status.proto, google/rpc/error_details.proto).
#include <protozero/pbf_writer.hpp>

#include "codec/otlp.h"
#include "codec/text.h"

namespace tidemark {
namespace {

constexpr char kRetryInfo[] = "type.googleapis.com/google.rpc.RetryInfo";
constexpr size_t kMaxMessageBytes = 4096;  // the Collector reads no more than 64 KiB of an answer

const char* RejectedName(OtlpSignal signal) {
  switch (signal) {
    case OtlpSignal::kTraces:
      return "rejectedSpans";
    case OtlpSignal::kMetrics:
      return "rejectedDataPoints";
    case OtlpSignal::kProfiles:
      return "rejectedProfiles";
    case OtlpSignal::kLogs:
      return "rejectedLogRecords";
  }
  return "rejected";
}

std::string Message(std::string_view text) {
  bool cut = false;
  return codec::Utf8(text, kMaxMessageBytes, &cut);
}

std::string StatusProto(int grpc_code, const std::string& message, int retry_after_s) {
  std::string out;
  protozero::pbf_writer status(out);
  if (grpc_code != 0) status.add_int32(1, grpc_code);
  if (!message.empty()) status.add_string(2, message);
  if (retry_after_s > 0) {
    std::string retry_info;
    protozero::pbf_writer info(retry_info);
    protozero::pbf_writer(info, 1).add_int64(1, retry_after_s);  // Duration.seconds
    protozero::pbf_writer any(status, 3);
    any.add_string(1, kRetryInfo);
    any.add_bytes(2, retry_info);
  }
  return out;
}

std::string StatusJson(int grpc_code, const std::string& message, int retry_after_s) {
  std::string out = "{\"code\":" + std::to_string(grpc_code) + ",\"message\":";
  codec::AppendJsonString(message, &out);
  if (retry_after_s > 0) {
    out += std::string(",\"details\":[{\"@type\":\"") + kRetryInfo + "\",\"retryDelay\":\"" +
           std::to_string(retry_after_s) + "s\"}]";
  }
  return out + "}";
}

}  // namespace

std::string EncodeExportResponse(OtlpSignal signal, const Rejected& rejected,
                                 OtlpEncoding encoding) {
  const bool json = encoding == OtlpEncoding::kJson;
  if (rejected.items == 0 && rejected.message.empty()) return json ? "{}" : "";
  const std::string message = Message(rejected.message);
  std::string out;
  if (json) {
    out = std::string("{\"partialSuccess\":{\"") + RejectedName(signal) + "\":\"" +
          std::to_string(rejected.items) + "\",\"errorMessage\":";
    codec::AppendJsonString(message, &out);
    return out + "}}";
  }
  protozero::pbf_writer response(out);
  protozero::pbf_writer partial(response, 1);
  if (rejected.items != 0) partial.add_int64(1, rejected.items);
  partial.add_string(2, message);
  partial.commit();
  return out;
}

std::string EncodeStatus(int grpc_code, std::string_view message, int retry_after_s,
                         OtlpEncoding encoding) {
  const std::string text = Message(message);
  return encoding == OtlpEncoding::kJson ? StatusJson(grpc_code, text, retry_after_s)
                                         : StatusProto(grpc_code, text, retry_after_s);
}

}  // namespace tidemark
