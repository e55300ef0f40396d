#include "server/otlp_http.h"

#include <algorithm>
#include <optional>

#include "ingest/otlp_errors.h"

namespace tidemark {
namespace {

constexpr char kProtobufType[] = "application/x-protobuf";
constexpr char kJsonType[] = "application/json";

std::optional<OtlpSignal> SignalOf(const std::string& path) {
  if (path == "/v1/traces") return OtlpSignal::kTraces;
  if (path == "/v1/metrics") return OtlpSignal::kMetrics;
  if (path == "/v1/logs") return OtlpSignal::kLogs;
  if (path == "/v1development/profiles" || path == "/v1/profiles") return OtlpSignal::kProfiles;
  return std::nullopt;
}

// The media type without its parameters, in lower case.
std::string MediaType(std::string content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (!content_type.empty() && content_type.back() == ' ') content_type.pop_back();
  std::transform(content_type.begin(), content_type.end(), content_type.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return content_type;
}

std::optional<OtlpEncoding> EncodingOf(const std::string& media_type) {
  if (media_type == kProtobufType) return OtlpEncoding::kProtobuf;
  if (media_type == kJsonType) return OtlpEncoding::kJson;
  return std::nullopt;
}

HttpResponse Plain(int status, std::string message) {
  return {.status = status, .body = std::move(message) + "\n"};
}

HttpResponse Refusal(const WireStatus& error, const std::string& message, OtlpEncoding encoding) {
  HttpResponse response{
      .status = error.http_status,
      .content_type = encoding == OtlpEncoding::kJson ? kJsonType : kProtobufType,
      .body = EncodeStatus(error.grpc_code, message, error.retry_after_s, encoding)};
  if (error.retry_after_s > 0)
    response.headers.emplace_back("Retry-After", std::to_string(error.retry_after_s));
  return response;
}

// What is wrong with the request before its body is looked at; nothing when all is well.
std::optional<HttpResponse> CheckEnvelope(const HttpRequest& request) {
  if (!SignalOf(request.path)) {
    return Plain(404, "no OTLP signal at '" + request.path +
                          "': use /v1/traces, /v1/metrics or /v1development/profiles. A per-signal "
                          "endpoint variable "
                          "(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) needs the path in it.");
  }
  if (request.method != "POST") {
    HttpResponse response = Plain(405, "OTLP is sent with POST, not " + request.method);
    response.headers.emplace_back("Allow", "POST");
    return response;
  }
  const std::string media_type = MediaType(HeaderOr(request.headers, "Content-Type"));
  const auto encoding = EncodingOf(media_type);
  if (!encoding) {
    return Plain(415, "Content-Type '" + media_type +
                          "': expected application/x-protobuf or application/json");
  }
  const std::string coding = MediaType(HeaderOr(request.headers, "Content-Encoding"));
  if (!coding.empty() && coding != "identity" && coding != "gzip") {
    return Refusal({.http_status = 400, .grpc_code = 3},
                   "Content-Encoding '" + coding + "': expected gzip or none", *encoding);
  }
  return std::nullopt;
}

}  // namespace

HttpResponse OtlpHttpRefusal(int status, const std::string& message,
                             const std::string& content_type) {
  const auto encoding = EncodingOf(MediaType(content_type)).value_or(OtlpEncoding::kProtobuf);
  const int grpc_code = GrpcCodeOfHttp(status);
  return Refusal(
      {.http_status = status, .grpc_code = grpc_code, .retry_after_s = status == 503 ? 1 : 0},
      message, encoding);
}

HttpHandler MakeOtlpHttpHandler(OtlpService* service) {
  return [service](HttpRequest request, HttpResponder respond) {
    if (auto refusal = CheckEnvelope(request)) return respond(std::move(*refusal));
    const OtlpSignal signal = *SignalOf(request.path);
    const OtlpEncoding encoding = *EncodingOf(MediaType(HeaderOr(request.headers, "Content-Type")));
    const bool gzip = MediaType(HeaderOr(request.headers, "Content-Encoding")) == "gzip";
    service->Export(
        signal, encoding, gzip, std::move(request.body), request.peer_address,
        [signal, encoding, respond = std::move(respond)](const Result<Rejected>& result) {
          if (!result)
            return respond(Refusal(WireStatusOf(result.error()), result.error().message, encoding));
          respond({.content_type = encoding == OtlpEncoding::kJson ? kJsonType : kProtobufType,
                   .body = EncodeExportResponse(signal, *result, encoding)});
        });
  };
}

}  // namespace tidemark
