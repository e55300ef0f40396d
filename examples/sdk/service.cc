// A whole service: the twenty lines of docs/sdk.md.
#include "tidemark/exporter.hpp"
#include "tidemark/leak_detector.hpp"
#include "tidemark/metrics.hpp"
#include "tidemark/span_cache.hpp"
#include "tidemark/tidemark.hpp"
//
#include <cstdio>

using namespace tidemark::sdk;

int main() {
  SpanCache recent({.max_bytes = 4 << 20});
  RuntimeMetrics metrics;
  LeakDetector detector({}, [](const LeakReport& leak) {
    CaptureHeapProfile("leak-" + leak.id + ".pb.gz", {.trigger = leak.id}, nullptr);
  });
  std::string error;
  const auto exporter =
      Exporter::Start({}, &error);  // OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME
  if (!exporter) return std::fprintf(stderr, "%s\n", error.c_str()), 2;
  exporter->AddSource([&] {
    auto points = metrics.Collect();
    detector.Observe(points);
    return points;
  });
  for (int request = 0; request < 100; ++request) {
    EndedSpan span;
    span.name = span.route = "/checkout";
    tidemark_span_begin(&span.span, nullptr);
    // ... the work; what it allocates belongs to the span
    tidemark_span_end(nullptr);
    exporter->Add(span);
    recent.Add({span.span});
  }
}
