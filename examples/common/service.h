// The HTTP service that both shops are: they differ in what they do with the spans of answered
// checkouts.
#pragma once

#include <functional>
#include <vector>

#include "options.h"
#include "tidemark/exporter.hpp"

namespace shop {

struct Hooks {
  // Called with the span of each answered /checkout, on the worker thread, inside the span.
  std::function<void(const tidemark::sdk::EndedSpan&)> on_checkout;
  // Metrics to export; may be empty.
  std::function<std::vector<tidemark::sdk::MetricPoint>()> gauges;
};

// Serves until SIGINT or SIGTERM. Returns the exit status.
int Serve(const Options& options, const Hooks& hooks);

}  // namespace shop
