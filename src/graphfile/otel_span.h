// Spans of OpenTelemetry's Go SDK (go.opentelemetry.io/otel/sdk/trace.recordingSpan, amd64 and
// arm64) among the objects of a Go dump, and the part of one that says when it began and ended but
// nothing of what a request carried.
//
// Offsets are those of v1.20.0 to v1.45.0, compiled from the SDK; up to v1.19 the struct has no
// embedded interface, and every offset is 16 less.
//
//   24 parent (SpanContext)    112 startTime {wall, ext, loc}   192 trace id[16], span id[8], flags
//   88 kind                    136 endTime                      256 attributes {ptr, len, cap}
//   96 name {ptr, len}         160 status code                  280 dropped attributes
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "heapgraph/heap_events.h"

namespace tidemark::graphfile {

inline constexpr size_t kSpanBytes = 288;            // as much of one as is ever kept
inline constexpr size_t kSpanBytesWithoutIds = 192;  // up to the trace id

struct SpanMatch {
  size_t shift = 0;  // to subtract from the offsets: 0, or 16 of an old SDK
  uint64_t name_address = 0, name_bytes = 0;
  bool name_in_heap = false;  // else in the program's own text
};

// By size, by which words are pointers, and by what the words say: kind, times, lengths, ids.
// `typed`: the type is known to be a span's, so that any size will do.
std::optional<SpanMatch> MatchSpan(const heapgraph::ObjectEvent& object, bool typed);

// The span's first bytes, all but the fields above zeroed: no status text, no attributes, no
// pointer but the name's. Without ids it ends before the trace id, and the parent's are zero.
// Returns how many bytes.
size_t ScrubSpan(const heapgraph::ObjectEvent& object, const SpanMatch& match, bool keep_ids,
                 std::array<std::byte, kSpanBytes>& out);

}  // namespace tidemark::graphfile
