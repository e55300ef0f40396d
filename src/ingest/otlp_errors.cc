#include "ingest/otlp_errors.h"

namespace tidemark {
namespace {

// google.rpc.Code
constexpr int kInvalidArgument = 3;
constexpr int kResourceExhausted = 8;
constexpr int kUnimplemented = 12;
constexpr int kInternal = 13;
constexpr int kUnavailable = 14;

}  // namespace

WireStatus WireStatusOf(const Error& error, const IngestLimits& limits) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return {400, kInvalidArgument, 0};
    case ErrorCode::kNotFound:
      return {404, kUnimplemented, 0};
    case ErrorCode::kResourceExhausted:
      if (error.retryable) return {429, kResourceExhausted, limits.retry_after_overload_s};
      return {413, kResourceExhausted, 0};
    // Nothing was kept and nothing is wrong with the request: the sender keeps it and comes back.
    case ErrorCode::kUnavailable:
    case ErrorCode::kIo:
      return {503, kUnavailable, limits.retry_after_unavailable_s};
    // Not DATA_LOSS for damage of ours: clients retry that for ever.
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return {500, kInternal, 0};
  }
  return {500, kInternal, 0};
}

int GrpcCodeOfHttp(int http_status) {
  switch (http_status) {
    case 400:
    case 415:
    case 431:
      return kInvalidArgument;
    case 404:
    case 405:
      return kUnimplemented;
    case 413:
    case 429:
      return kResourceExhausted;
    case 502:
    case 503:
    case 504:
      return kUnavailable;
    default:
      return kInternal;
  }
}

}  // namespace tidemark
