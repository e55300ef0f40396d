/// @file
/// Tidemark beside opentelemetry-cpp: the span that its context names is the thread's active one.
///
///   #include <tidemark/opentelemetry.hpp>
///   int main() {
///     tidemark::UseWithOpenTelemetry();          // before the first span, and once
///     ...
///   }
///
/// From then on every trace::Scope and context::RuntimeContext::Attach publishes the active span,
/// and its end the one before. Link tidemark_sdk; of opentelemetry-cpp the API headers suffice
/// (checked against 1.29.0-dev of its main branch; C++17). With the SDK's headers there is
/// CountingProcessor as well.
#pragma once

#include <opentelemetry/context/runtime_context.h>
#include <opentelemetry/nostd/shared_ptr.h>
#include <opentelemetry/nostd/unique_ptr.h>
#include <opentelemetry/trace/context.h>
#include <opentelemetry/trace/span_context.h>

#include <memory>
#include <utility>

#include "tidemark/tidemark.h"

#if __has_include(<opentelemetry/sdk/trace/processor.h>)
#include <opentelemetry/sdk/trace/processor.h>
#include <opentelemetry/sdk/trace/recordable.h>
#define TIDEMARK_HAS_OPENTELEMETRY_SDK 1
#endif

namespace tidemark {

/// Keeps contexts where the wrapped storage keeps them, and publishes the span of the thread's
/// current context whenever that changes. Any thread; costs a look-up in the context for each
/// attach and detach. Wraps the default, thread-local storage unless given another.
class SpanContextStorage : public opentelemetry::context::RuntimeContextStorage {
 public:
  using Storage = opentelemetry::context::RuntimeContextStorage;

  explicit SpanContextStorage(
      opentelemetry::nostd::shared_ptr<Storage> wrapped = opentelemetry::nostd::shared_ptr<Storage>(
          new opentelemetry::context::ThreadLocalContextStorage()))
      : wrapped_(std::move(wrapped)) {}

  opentelemetry::context::Context GetCurrent() noexcept override { return wrapped_->GetCurrent(); }

  opentelemetry::nostd::unique_ptr<opentelemetry::context::Token> Attach(
      const opentelemetry::context::Context& context) noexcept override {
    auto token = wrapped_->Attach(context);
    Publish(context);
    return token;
  }

  bool Detach(opentelemetry::context::Token& token) noexcept override {
    const bool detached = wrapped_->Detach(token);
    Publish(wrapped_->GetCurrent());
    return detached;
  }

 private:
  static void Publish(const opentelemetry::context::Context& context) noexcept {
    const auto span = opentelemetry::trace::GetSpan(context)->GetContext();
    if (span.IsValid()) {
      tidemark_span_attach(span.trace_id().Id().data(), span.span_id().Id().data());
    } else {
      tidemark_span_detach();
    }
  }

  const opentelemetry::nostd::shared_ptr<Storage> wrapped_;
};

/// Puts a SpanContextStorage in place of the default one. As opentelemetry-cpp demands of any
/// storage: before the program makes its first span.
inline void UseWithOpenTelemetry() {
  opentelemetry::context::RuntimeContext::SetRuntimeContextStorage(
      opentelemetry::nostd::shared_ptr<opentelemetry::context::RuntimeContextStorage>(
          new SpanContextStorage()));
}

#ifdef TIDEMARK_HAS_OPENTELEMETRY_SDK
/// Counts spans begun and not ended (tidemark_spans_active, metric tidemark.spans.active) on their
/// way to another processor, which does everything else. Give it to the TracerProvider in place of
/// that one. Only sampled spans come by.
class CountingProcessor : public opentelemetry::sdk::trace::SpanProcessor {
 public:
  /// `next` must not be null.
  explicit CountingProcessor(std::unique_ptr<opentelemetry::sdk::trace::SpanProcessor> next)
      : next_(std::move(next)) {}

  std::unique_ptr<opentelemetry::sdk::trace::Recordable> MakeRecordable() noexcept override {
    return next_->MakeRecordable();
  }
  void OnStart(opentelemetry::sdk::trace::Recordable& span,
               const opentelemetry::trace::SpanContext& parent) noexcept override {
    tidemark_spans_started();
    next_->OnStart(span, parent);
  }
  void OnEnd(std::unique_ptr<opentelemetry::sdk::trace::Recordable>&& span) noexcept override {
    tidemark_spans_ended();
    next_->OnEnd(std::move(span));
  }
  bool ForceFlush(
      std::chrono::microseconds timeout = (std::chrono::microseconds::max)()) noexcept override {
    return next_->ForceFlush(timeout);
  }
  bool Shutdown(
      std::chrono::microseconds timeout = (std::chrono::microseconds::max)()) noexcept override {
    return next_->Shutdown(timeout);
  }

 private:
  const std::unique_ptr<opentelemetry::sdk::trace::SpanProcessor> next_;
};
#endif

}  // namespace tidemark
