#include "span_cache.h"

#include <algorithm>

namespace shop {

void SpanCache::Append(Order* order, uint32_t slot) {
  Links& links = slots_[slot].*(order->links);
  links = {order->last, kNone};
  if (order->last != kNone) (slots_[order->last].*(order->links)).next = slot;
  order->last = slot;
  if (order->first == kNone) order->first = slot;
}

void SpanCache::Unlink(Order* order, uint32_t slot) {
  const Links links = slots_[slot].*(order->links);
  (links.previous == kNone ? order->first : (slots_[links.previous].*(order->links)).next) =
      links.next;
  (links.next == kNone ? order->last : (slots_[links.next].*(order->links)).previous) =
      links.previous;
}

void SpanCache::Remove(uint32_t slot) {
  Unlink(&by_use_, slot);
  Unlink(&by_age_, slot);
  index_.erase(slots_[slot].metadata.span_id);
  free_.push_back(slot);
}

void SpanCache::Expire(int64_t now_ns) {
  while (by_age_.first != kNone && now_ns - slots_[by_age_.first].added_ns >= ttl_ns_) {
    Remove(by_age_.first);
  }
}

uint32_t SpanCache::NewSlot() {
  if (free_.empty()) {
    slots_.emplace_back();
    return static_cast<uint32_t>(slots_.size() - 1);
  }
  const uint32_t slot = free_.back();
  free_.pop_back();
  return slot;
}

void SpanCache::Add(const EndedSpan& ended, int64_t now_ns) {
  const tidemark::Span& span = ended.span;
  const std::lock_guard lock(mutex_);
  Expire(now_ns);
  if (const auto known = index_.find(span.span_id); known != index_.end()) Remove(known->second);
  while (by_use_.first != kNone && (index_.size() + 1) * kBytesPerEntry > max_bytes_) {
    Remove(by_use_.first);
    ++evicted_;
  }
  const uint32_t slot = NewSlot();
  const int64_t duration_us = (span.end_ns - span.start_ns) / 1000;
  slots_[slot].metadata = {span.trace_id, span.span_id, span.start_ns,
                           static_cast<int32_t>(std::clamp<int64_t>(duration_us, 0, INT32_MAX)),
                           span.error};
  slots_[slot].added_ns = now_ns;
  index_[span.span_id] = slot;
  Append(&by_use_, slot);
  Append(&by_age_, slot);
}

std::optional<SpanMetadata> SpanCache::Find(tidemark::SpanId span_id, int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  Expire(now_ns);
  const auto found = index_.find(span_id);
  if (found == index_.end()) return std::nullopt;
  Unlink(&by_use_, found->second);
  Append(&by_use_, found->second);
  return slots_[found->second].metadata;
}

size_t SpanCache::Size(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  Expire(now_ns);
  return index_.size();
}

uint64_t SpanCache::evicted() const {
  const std::lock_guard lock(mutex_);
  return evicted_;
}

}  // namespace shop
