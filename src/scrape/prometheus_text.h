// Metrics pages: Prometheus text 0.0.4 (and 1.0.0, with quoted names) and OpenMetrics text 1.0 ->
// points. Formats: prometheus/docs docs/instrumenting/exposition_formats.md and
// docs/specs/om/open_metrics_spec.md.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/point.h"

namespace tidemark {

enum class TextFormat : uint8_t { kPrometheus, kOpenMetrics };

// By the reply's Content-Type; anything unknown is read as Prometheus text 0.0.4.
TextFormat TextFormatOf(std::string_view content_type);

struct TextLimits {
  size_t max_samples = 500'000;
  size_t max_labels = 128;         // of one sample
  size_t max_label_bytes = 16384;  // one name or value
};

struct TextOptions {
  int64_t scrape_time_ns = 0;    // event time of samples that state none
  bool honor_timestamps = true;  // false: samples' own timestamps are ignored
  // Which metrics to keep; the others are checked, counted and cost no memory. All when empty.
  std::function<bool(std::string_view metric)> keep;
  TextLimits limits;
};

struct MetricsPage {
  std::vector<Point> points;
  uint64_t samples = 0;  // on the page
  uint64_t distributions =
      0;  // histogram buckets and quantiles: checked, not kept (sums and counts are)
  uint64_t not_finite = 0;     // NaN and infinite values: no level, not kept
  uint64_t out_of_bounds = 0;  // own timestamp over an hour old or ten minutes ahead: not kept
};

// Points carry the sample's name and labels, the kind that TYPE (or, in OpenMetrics, the suffix)
// says, and the unit that UNIT says. OpenMetrics' _created lines become start_ns of the samples
// before them. Errors: invalid argument "line N: ..." and nothing of the page is kept; an
// OpenMetrics page without `# EOF` is cut off and one such; resource exhausted when a limit is
// crossed.
Result<MetricsPage> ParseMetricsPage(std::string_view page, TextFormat format,
                                     const TextOptions& options);

}  // namespace tidemark
