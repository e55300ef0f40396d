// Sends a thousand spans to OTEL_EXPORTER_OTLP_ENDPOINT and says what became of them. Try it with
// no server at all: it ends in time, and nothing is lost without being counted.
#include "tidemark/exporter.hpp"

#include <chrono>
#include <cstdio>

int main() {
  std::string error;
  const auto exporter = tidemark::sdk::Exporter::Start({}, &error);
  if (exporter == nullptr) {
    std::fprintf(stderr, "%s\n", error.c_str());
    return 2;
  }
  tidemark::sdk::EndedSpan span;
  span.name = span.route = "/work";
  span.kind = tidemark::sdk::SpanKind::kServer;
  for (int i = 0; i < 1000; ++i) {
    tidemark_span_begin(&span.span, nullptr);
    span.start_unix_ns =
        std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
    span.end_unix_ns = span.start_unix_ns + 1'000'000;
    span.error = i % 100 == 0;
    tidemark_span_end(nullptr);
    exporter->Add(span);
  }
  exporter->Shutdown(2'000'000'000);
  const auto stats = exporter->stats();
  std::printf("%llu spans: %llu sent, %llu rejected, %llu dropped%s%s\n",
              static_cast<unsigned long long>(stats.spans.added),
              static_cast<unsigned long long>(stats.spans.sent),
              static_cast<unsigned long long>(stats.spans.rejected),
              static_cast<unsigned long long>(stats.spans.dropped()),
              stats.last_error.empty() ? "" : "; ", stats.last_error.c_str());
}
