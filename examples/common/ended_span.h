// A span of one request, as the shop has it when the request is answered.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/span.h"

namespace shop {

struct EndedSpan {
  tidemark::Span span;
  // What a tracing SDK would carry along: about 1.9 KB for a checkout, most of it the previews of
  // request and response.
  std::vector<std::pair<std::string, std::string>> attributes;
};

// Random, never zero.
tidemark::TraceId NewTraceId();
tidemark::SpanId NewSpanId();

}  // namespace shop
