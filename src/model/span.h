// Spans as they arrive, before they are summarised.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "model/target.h"

namespace tidemark {

// 16 bytes of a W3C trace id, big-endian halves; all zero = none.
struct TraceId {
  uint64_t high = 0;
  uint64_t low = 0;
  auto operator<=>(const TraceId&) const = default;
  explicit operator bool() const { return high != 0 || low != 0; }
};

enum class SpanId : uint64_t { kNone = 0 };

// 32 and 16 lower-case hex digits.
std::string ToHex(TraceId id);
std::string ToHex(SpanId id);
// False unless `hex` is exactly 32 (16) hex digits, of either case.
bool FromHex(const std::string& hex, TraceId* id);
bool FromHex(const std::string& hex, SpanId* id);

enum class SpanKind : uint8_t { kUnspecified, kInternal, kServer, kClient, kProducer, kConsumer };

struct Span {
  TraceId trace_id;
  SpanId span_id = SpanId::kNone;
  SpanId parent_id = SpanId::kNone;
  std::string name;
  std::string route;  // attribute http.route (or rpc.method), else empty
  SpanKind kind = SpanKind::kUnspecified;
  bool error = false;
  int64_t start_ns = 0;
  int64_t end_ns = 0;
};

// Ended spans of one sender.
struct SpanBatch {
  Resource resource;
  std::vector<Span> spans;
};

}  // namespace tidemark
