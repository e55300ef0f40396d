/// @file
/// Tidemark for C++ (17 or newer): a span is active while a SpanScope lives.
///
///   void Handle(const Request& request) {
///     tidemark::SpanScope scope(request.trace_id(), request.span_id());
///     ...                     // allocations here belong to the span
///   }                         // the span before, if any, is active again
///
/// With TIDEMARK_WEAK (see tidemark.h) a scope does nothing where the library is absent.
#pragma once

#include <array>
#include <cstdint>

#include "tidemark/tidemark.h"

namespace tidemark {

/// Belongs to the thread and the block that made it; scopes of a thread end in reverse order. Never
/// across a co_await: the coroutine may resume on another thread (docs/sdk.md).
class [[nodiscard]] SpanScope {
 public:
  SpanScope(const std::array<std::uint8_t, 16>& trace_id,
            const std::array<std::uint8_t, 8>& span_id)
      : SpanScope(trace_id.data(), span_id.data()) {}

  /// All zero = no span: work that belongs to none, inside one that does.
  explicit SpanScope(const tidemark_span& span) : SpanScope(span.trace_id, span.span_id) {}

  /// trace_id[16], span_id[8].
  SpanScope(const std::uint8_t* trace_id, const std::uint8_t* span_id) {
#ifdef TIDEMARK_WEAK
    if (&tidemark_span_swap == nullptr) return;
#endif
    tidemark_span span;
    for (int i = 0; i < 16; ++i) span.trace_id[i] = trace_id[i];
    for (int i = 0; i < 8; ++i) span.span_id[i] = span_id[i];
    tidemark_span_swap(&span, &previous_);
  }
  ~SpanScope() {
#ifdef TIDEMARK_WEAK
    if (&tidemark_span_swap == nullptr) return;
#endif
    tidemark_span_swap(&previous_, nullptr);
  }

  SpanScope(const SpanScope&) = delete;
  SpanScope& operator=(const SpanScope&) = delete;

 private:
  tidemark_span previous_{};
};

/// For coroutines: `co_await tidemark::WithSpan{awaiter}` takes the coroutine's span off the thread
/// while it waits, and puts it on whichever thread it resumes on. Every co_await that may suspend
/// needs it. `Inner` is an awaiter (await_ready, await_suspend, await_resume), moved in. A thread
/// that resumes coroutines has no span of its own left afterwards. C++20 where it is used.
template <typename Inner>
class WithSpan {
 public:
  explicit WithSpan(Inner inner) : inner_(static_cast<Inner&&>(inner)) {}

  bool await_ready() {
    tidemark_span_current(&span_);
    return inner_.await_ready();
  }
  template <typename Handle>
  auto await_suspend(Handle handle) {
    tidemark_span_detach();
    return inner_.await_suspend(handle);  // last: the coroutine may run elsewhere by now
  }
  decltype(auto) await_resume() {
    tidemark_span_swap(&span_, nullptr);
    return inner_.await_resume();
  }

 private:
  Inner inner_;
  tidemark_span span_{};
};

}  // namespace tidemark
