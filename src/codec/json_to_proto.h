// OTLP/JSON to protobuf, so that there is one decoder behind both encodings.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark::codec {

enum class JsonRoot { kTraces, kMetrics, kProfiles };

// Reads OTLP/JSON (opentelemetry-proto docs/specification.md, "JSON Protobuf Encoding") in one
// pass, without building a document, and returns the same request as protobuf (profiles in the
// layout of v1.10). At most kMaxJsonDepth levels. Errors, all invalid argument: the byte offset of
// bad JSON; the key path and value where a value does not fit its field
// ("resourceSpans[0].scopeSpans[0].spans[2].traceId: ...").
Result<std::string> JsonToProto(std::string_view json, JsonRoot root);

}  // namespace tidemark::codec
