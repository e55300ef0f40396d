// The spans of the last minute, as metadata only: the fix for the leak of leaky-service.
#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "ended_span.h"

namespace shop {

// What is kept of a span; no text.
struct SpanMetadata {
  tidemark::TraceId trace_id;
  tidemark::SpanId span_id = tidemark::SpanId::kNone;
  int64_t start_ns = 0;
  int32_t duration_us = 0;
  bool error = false;
};

// Any thread may call. Least recently used entries go when `max_bytes` is reached, and every entry
// `ttl_ns` after it came.
class SpanCache {
 public:
  SpanCache(size_t max_bytes, int64_t ttl_ns) : max_bytes_(max_bytes), ttl_ns_(ttl_ns) {}

  // Keeps the metadata of a span that ended at `now_ns`; expires others.
  void Add(const EndedSpan& span, int64_t now_ns);

  // The entry, which becomes the most recently used one.
  std::optional<SpanMetadata> Find(tidemark::SpanId span_id, int64_t now_ns);

  // Entries that are there at `now_ns`.
  size_t Size(int64_t now_ns);
  uint64_t evicted() const;  // for lack of room, before their time

  // A slot, a hash node and its share of the buckets, as malloc hands them out.
  static constexpr size_t kBytesPerEntry = 120;

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  // One of two orders in which every entry stands: by last use and by age.
  struct Links {
    uint32_t previous = kNone, next = kNone;
  };
  struct Slot {
    SpanMetadata metadata;
    int64_t added_ns = 0;
    Links use, age;
  };
  struct Order {
    Links Slot::*links;
    uint32_t first = kNone, last = kNone;
  };

  void Append(Order* order, uint32_t slot);
  void Unlink(Order* order, uint32_t slot);
  void Expire(int64_t now_ns);
  void Remove(uint32_t slot);
  uint32_t NewSlot();

  const size_t max_bytes_;
  const int64_t ttl_ns_;
  mutable std::mutex mutex_;  // guards all below
  std::unordered_map<tidemark::SpanId, uint32_t> index_;
  std::deque<Slot> slots_;
  std::vector<uint32_t> free_;
  Order by_use_{&Slot::use}, by_age_{&Slot::age};  // the least recently used and the oldest first
  uint64_t evicted_ = 0;
};

}  // namespace shop
