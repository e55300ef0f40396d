// Any bytes are a page or an error, in both formats, and what comes out is sound.
#include <cmath>
#include <cstdint>
#include <string_view>

#include "scrape/prometheus_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view page(reinterpret_cast<const char*>(data), size);
  tidemark::TextOptions options;
  options.scrape_time_ns = 1'800'000'000'000'000'000;
  for (auto format : {tidemark::TextFormat::kPrometheus, tidemark::TextFormat::kOpenMetrics}) {
    auto parsed = tidemark::ParseMetricsPage(page, format, options);
    if (!parsed) continue;
    if (parsed->points.size() + parsed->distributions + parsed->not_finite + parsed->out_of_bounds >
        parsed->samples) {
      __builtin_trap();
    }
    for (const tidemark::Point& point : parsed->points) {
      if (point.metric.empty() || !std::isfinite(point.value)) __builtin_trap();
    }
  }
  return 0;
}
