// The HTTP service that both shops are: they differ in what they do with the spans of answered
// checkouts.
#pragma once

#include <functional>
#include <vector>

#include "ended_span.h"
#include "model/point.h"
#include "options.h"

namespace shop {

struct Hooks {
  // Called with the span of each answered /checkout, on the worker thread, inside the span.
  std::function<void(const EndedSpan&)> on_checkout;
  // Metrics to export; may be empty.
  std::function<std::vector<tidemark::Point>()> gauges;
};

// Serves until SIGINT or SIGTERM. Returns the exit status.
int Serve(const Options& options, const Hooks& hooks);

}  // namespace shop
