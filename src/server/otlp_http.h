// OTLP/HTTP (port 4318): paths, media types and status codes around OtlpService.
#pragma once

#include "net/http_server.h"
#include "server/otlp_service.h"

namespace tidemark {

// Handler of POST /v1/traces, /v1/metrics, /v1/logs, /v1development/profiles and /v1/profiles.
HttpHandler MakeOtlpHttpHandler(OtlpService* service);

// google.rpc.Status in the request's encoding, for what the HTTP server refuses by itself (too
// large, malformed).
HttpResponse OtlpHttpRefusal(int status, const std::string& message,
                             const std::string& content_type);

}  // namespace tidemark
