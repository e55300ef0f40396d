#include "ended_span.h"

#include <random>

namespace shop {
namespace {

uint64_t NonZeroRandom() {
  thread_local std::mt19937_64 generator{std::random_device{}()};
  for (;;) {
    if (const uint64_t value = generator()) return value;
  }
}

}  // namespace

tidemark::TraceId NewTraceId() { return {NonZeroRandom(), NonZeroRandom()}; }

tidemark::SpanId NewSpanId() { return tidemark::SpanId{NonZeroRandom()}; }

}  // namespace shop
