// The same shop as leaky-service, mended: the spans of the last minute are kept as metadata in a
// cache that is bounded in time and in bytes.
#include "options.h"
#include "service.h"
#include "tidemark/span_cache.hpp"

namespace {

tidemark::sdk::SpanRecord RecordOf(const tidemark::sdk::EndedSpan& ended) {
  tidemark::sdk::SpanRecord record;
  record.span = ended.span;
  record.start_unix_ns = ended.start_unix_ns;
  record.duration_us = static_cast<uint32_t>((ended.end_unix_ns - ended.start_unix_ns) / 1000);
  record.error = ended.error;
  return record;
}

}  // namespace

int main(int argc, char** argv) {
  int status = 0;
  const auto options = shop::ReadOptions(argc, argv, "fixed-service", &status);
  if (!options) return status;
  tidemark::sdk::SpanCache cache({.max_bytes = options->cache_bytes});
  const auto keep = [&cache](const tidemark::sdk::EndedSpan& ended) { cache.Add(RecordOf(ended)); };
  const auto gauges = [&cache] { return cache.Metrics(); };
  return shop::Serve(*options, {keep, gauges});
}
