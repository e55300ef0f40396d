/// @file
/// A cache of ended spans that cannot leak: metadata only, at most so many bytes, at most so long.
///
///   tidemark::sdk::SpanCache cache({.max_bytes = 8 << 20});    // C++20; in C++17 fill in a struct
///   cache.Add({span, start_unix_ns, duration_us, route_number, error});
///   if (auto record = cache.Find(span_id)) ...
///
/// Link tidemark_telemetry. C++17.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "tidemark/metrics.hpp"
#include "tidemark/tidemark.h"

namespace tidemark::sdk {

/// What is kept of a span: 40 bytes, no text. Names and routes are few: number them in `tag`.
struct SpanRecord {
  tidemark_span span{};
  std::int64_t start_unix_ns = 0;
  std::uint32_t duration_us = 0;  ///< saturated by the caller, 71 minutes at most
  std::uint16_t tag = 0;          ///< the caller's own
  bool error = false;
};

struct SpanCacheOptions {
  /// All the memory of the entries and of their index, reserved at once and given to the process by
  /// the kernel page by page as it is used. 75 bytes an entry, more or less; at least one entry.
  std::size_t max_bytes = std::size_t{8} << 20;
  std::int64_t ttl_ns = 60'000'000'000;  ///< an entry goes so long after it came
  /// Locks: the next power of two at or below, and fewer for a cache of under 4,096 entries each.
  unsigned shards = 16;
};

struct SpanCacheStats {
  std::uint64_t size = 0;         ///< entries now
  std::uint64_t bytes = 0;        ///< of these entries, index included
  std::uint64_t max_entries = 0;  ///< that there is room for
  std::uint64_t max_bytes = 0;    ///< reserved; at most what was asked for, but for the least cache
  std::uint64_t added = 0;        ///< ever; = size + evicted + expired + replaced
  std::uint64_t evicted = 0;      ///< for lack of room, before their time
  std::uint64_t expired = 0;      ///< at the end of their time
  std::uint64_t replaced = 0;     ///< by a span of the same id
};

/// Any thread may call anything, at any time; a call holds one lock, for a few dozen instructions
/// (and as many expiries as are due). Nothing is allocated after the constructor. When a shard is
/// full its least recently used entry goes. Not for signal handlers. Throws std::bad_alloc from the
/// constructor only.
///
/// Times are ns of one clock that does not go back, the monotonic one unless the caller passes
/// others; a time before the latest that a shard saw counts as the latest.
class SpanCache {
 public:
  explicit SpanCache(const SpanCacheOptions& options = {});
  ~SpanCache();
  SpanCache(const SpanCache&) = delete;
  SpanCache& operator=(const SpanCache&) = delete;

  /// Keeps the record; one with the same span id is replaced.
  void Add(const SpanRecord& record);
  void Add(const SpanRecord& record, std::int64_t now_ns);

  /// The record of a span that is kept, which becomes the most recently used of its shard.
  std::optional<SpanRecord> Find(const std::uint8_t span_id[8]);
  std::optional<SpanRecord> Find(const std::uint8_t span_id[8], std::int64_t now_ns);

  /// Expires what is due, then counts.
  SpanCacheStats stats();
  SpanCacheStats stats(std::int64_t now_ns);
  /// For Exporter::AddSource: span_cache.size, span_cache.memory, counter span_cache.evicted.
  std::vector<MetricPoint> Metrics();

 private:
  class Shard;
  Shard& ShardOf(std::uint64_t hash);

  std::uint64_t seed_;  ///< senders choose span ids: they shall not choose their place as well
  unsigned shard_bits_ = 0;
  std::unique_ptr<Shard[]> shards_;
};

}  // namespace tidemark::sdk
