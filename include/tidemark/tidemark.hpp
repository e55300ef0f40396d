// Tidemark for C++: a span is active while a SpanScope lives.
//
//   void Handle(const Request& request) {
//     tidemark::SpanScope scope(request.trace_id(), request.span_id());
//     ...                     // allocations here belong to the span
//   }                         // the span before, if any, is active again
#pragma once

#include <array>
#include <cstdint>

#include "tidemark/tidemark.h"

namespace tidemark {

// Belongs to the thread and the block that made it; scopes of a thread end in reverse order.
class [[nodiscard]] SpanScope {
 public:
  SpanScope(const std::array<std::uint8_t, 16>& trace_id,
            const std::array<std::uint8_t, 8>& span_id)
      : SpanScope(trace_id.data(), span_id.data()) {}

  // trace_id[16], span_id[8].
  SpanScope(const std::uint8_t* trace_id, const std::uint8_t* span_id) {
    tidemark_span_current(&previous_);
    tidemark_span_attach(trace_id, span_id);
  }
  ~SpanScope() { tidemark_span_swap(&previous_, nullptr); }

  SpanScope(const SpanScope&) = delete;
  SpanScope& operator=(const SpanScope&) = delete;

 private:
  tidemark_span previous_;
};

}  // namespace tidemark
