// The same shop as leaky-service, mended: the spans of the last minute are kept as metadata in a
// cache that is bounded in time and in bytes.
#include "base/time.h"
#include "options.h"
#include "service.h"
#include "span_cache.h"

int main(int argc, char** argv) {
  int status = 0;
  const auto options = shop::ReadOptions(argc, argv, "fixed-service", &status);
  if (!options) return status;
  shop::SpanCache cache(options->cache_bytes, tidemark::kNsPerMinute);
  const auto keep = [&cache](const shop::EndedSpan& ended) {
    cache.Add(ended, tidemark::WallClockNs());
  };
  const auto gauges = [&cache] {
    tidemark::Point size;
    size.metric = "span_cache.size";
    size.unit = "{span}";
    size.time_ns = tidemark::WallClockNs();
    size.value = static_cast<double>(cache.Size(size.time_ns));
    return std::vector<tidemark::Point>{size};
  };
  return shop::Serve(*options, {keep, gauges});
}
