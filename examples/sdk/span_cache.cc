// The fix for "ended spans kept in a map": the last minute of spans, in a megabyte at most.
#include "tidemark/span_cache.hpp"

#include <cstdio>

int main() {
  tidemark::sdk::SpanCache cache({.max_bytes = 1 << 20});
  tidemark::sdk::SpanRecord record;
  for (int i = 0; i < 100'000; ++i) {
    tidemark_span_begin(&record.span, nullptr);
    tidemark_span_end(nullptr);
    record.duration_us = 1500;
    cache.Add(record);
  }
  const auto found = cache.Find(record.span.span_id);
  const auto stats = cache.stats();
  std::printf("the last span took %u us; %llu of %llu kept in %llu bytes, %llu evicted\n",
              found ? found->duration_us : 0, static_cast<unsigned long long>(stats.size),
              static_cast<unsigned long long>(stats.added),
              static_cast<unsigned long long>(stats.bytes),
              static_cast<unsigned long long>(stats.evicted));
}
