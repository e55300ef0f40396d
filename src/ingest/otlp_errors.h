// Our errors as OTLP clients must see them (opentelemetry-proto docs/specification.md, "Failures"
// and "OTLP/HTTP Response"). The only place where codes of ours become codes of the wire.
#pragma once

#include "base/result.h"
#include "ingest/ingest_limits.h"

namespace tidemark {

struct WireStatus {
  int http_status = 500;
  int grpc_code = 13;     // google.rpc.Code
  int retry_after_s = 0;  // > 0: HTTP Retry-After, gRPC RetryInfo. 0: the client must not retry
};

// HTTP clients retry 429, 502, 503 and 504 only; gRPC clients RESOURCE_EXHAUSTED only with
// RetryInfo, UNAVAILABLE always.
WireStatus WireStatusOf(const Error& error, const IngestLimits& limits = {});

// The gRPC code to put into the body of an answer that the HTTP server gives by itself (400, 404,
// 405, 413, 415, 429, 431, 503).
int GrpcCodeOfHttp(int http_status);

}  // namespace tidemark
