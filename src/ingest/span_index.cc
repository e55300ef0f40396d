#include "ingest/span_index.h"

#include <algorithm>

namespace tidemark {
namespace {

constexpr size_t kFixedBytesPerSpan = 56 + sizeof(uint32_t);
// A record (56, twice while the vector grows), its slot in the free list (4), a node of the names
// (80) and of the targets (96); the name is there twice, each on the heap (16) when it is long.
constexpr size_t kBytesPerRoute = 2 * 56 + 4 + 80 + 96;
constexpr size_t kLooksPerTrace = 64;
constexpr size_t kMinCapacity = 64;
constexpr size_t kMinRouteBytes = 16 << 10;  // matters to an index of less than 256 KiB only

size_t RouteBytes(std::string_view name) { return kBytesPerRoute + 2 * (name.size() + 16); }

}  // namespace

SpanIndex::SpanIndex(SpanIndexOptions options)
    : options_(options),
      capacity_(std::max(options.max_bytes / kBytesPerSpan, kMinCapacity)),
      max_route_bytes_(std::max(capacity_ * (kBytesPerSpan - kFixedBytesPerSpan), kMinRouteBytes)),
      buckets_(capacity_, 0) {
  // Memory is touched as spans come; the whole of it is reserved so that it never moves.
  ring_.reserve(capacity_);
  routes_.push_back({TargetId{}, kOtherRoute, 0, 0});  // 0: of all targets when even routes run out
}

uint32_t& SpanIndex::BucketOf(uint64_t span_id) {
  // Span ids should be random; a sender that counts upwards must not make long chains (2^64 /
  // golden ratio).
  const uint64_t mixed = span_id * 0x9E3779B97F4A7C15ULL;
  return buckets_[(mixed >> 32) * capacity_ >> 32];
}

const SpanIndex::Entry* SpanIndex::FindEntry(uint64_t span_id) const {
  uint32_t link = const_cast<SpanIndex*>(this)->BucketOf(span_id);
  while (link != 0) {
    const Entry& entry = ring_[link - 1];
    if (entry.span_id == span_id) return &entry;
    link = entry.chain;
  }
  return nullptr;
}

uint32_t SpanIndex::RouteFor(TargetId target, std::string_view name) {
  name = name.substr(0, options_.max_route_length);
  auto& names = route_ids_[target];
  const auto known = names.find(name);
  if (known != names.end()) return known->second;
  const bool is_other = name == kOtherRoute;
  const size_t bytes = route_bytes_ + RouteBytes(name);
  const size_t bytes_for_names =
      max_route_bytes_ - max_route_bytes_ / 8;  // the rest is for kOtherRoute
  if (!is_other && (names.size() >= options_.max_routes_per_target || bytes > bytes_for_names)) {
    ++stats_.routes_folded;
    return RouteFor(target, kOtherRoute);
  }
  if (bytes > max_route_bytes_) {  // no room for one more target's kOtherRoute either
    if (names.empty()) route_ids_.erase(target);
    return 0;
  }
  uint32_t id = 0;
  if (free_routes_.empty()) {
    id = static_cast<uint32_t>(routes_.size());
    routes_.emplace_back();
  } else {
    id = free_routes_.back();
    free_routes_.pop_back();
  }
  routes_[id] = {target, std::string(name), 0, 0};
  names.emplace(name, id);
  route_bytes_ = bytes;
  return id;
}

void SpanIndex::Release(uint32_t id) {
  Route& route = routes_[id];
  if (--route.entries > 0 || id == 0) return;
  const auto names = route_ids_.find(route.target);
  names->second.erase(route.name);
  if (names->second.empty()) route_ids_.erase(names);
  route_bytes_ -= RouteBytes(route.name);
  route = {};
  free_routes_.push_back(id);
}

bool SpanIndex::Add(TargetId target, const Span& span) {
  const auto id = static_cast<uint64_t>(span.span_id);
  if (id == 0 || !IsTime(span.start_ns) || (span.end_ns != 0 && !IsTime(span.end_ns))) {
    ++stats_.refused;
    return false;
  }
  if (auto* known = const_cast<Entry*>(FindEntry(id)); known && known->trace_id == span.trace_id) {
    if (known->end_ns != 0 || span.end_ns == 0) {
      ++stats_.duplicates;
      return false;
    }
    known->end_ns = span.end_ns;
    return true;
  }
  if (size() == capacity_) {
    EvictOldest();
    ++stats_.evicted_by_space;
  }
  const uint32_t route_id = RouteFor(target, span.route.empty() ? span.name : span.route);
  Route& route = routes_[route_id];
  const auto slot = static_cast<uint32_t>(next_ % capacity_);
  if (slot == ring_.size()) ring_.emplace_back();
  uint32_t& bucket = BucketOf(id);
  const auto back = route.entries > 0 ? static_cast<uint32_t>(next_ - route.newest) : 0;
  ring_[slot] = {id, span.trace_id, span.start_ns, span.end_ns, route_id, back, bucket};
  bucket = slot + 1;
  route.newest = next_++;
  ++route.entries;
  ++stats_.added;
  return true;
}

void SpanIndex::EvictOldest() {
  const auto slot = static_cast<uint32_t>(first_ % capacity_);
  const Entry& entry = ring_[slot];
  uint32_t* link = &BucketOf(entry.span_id);
  while (*link != slot + 1) link = &ring_[*link - 1].chain;
  *link = entry.chain;
  Release(entry.route);
  ++first_;
}

void SpanIndex::Advance(int64_t time_ns) {
  time_ns = std::clamp<int64_t>(time_ns, 0, kMaxTimeNs);
  while (size() > 0) {
    const Entry& entry = At(first_);
    const int64_t entry_ns = entry.end_ns != 0 ? entry.end_ns : entry.start_ns;
    if (entry_ns >= time_ns - options_.ttl_ns && entry_ns <= time_ns + options_.max_ahead_ns) {
      return;
    }
    EvictOldest();
    ++stats_.evicted_by_age;
  }
}

SpanInfo SpanIndex::InfoOf(const Entry& entry) const {
  const Route& route = routes_[entry.route];
  return {entry.trace_id, SpanId{entry.span_id}, route.target,
          route.name,     entry.start_ns,        entry.end_ns};
}

std::optional<SpanInfo> SpanIndex::Find(SpanId id) const {
  const Entry* entry = FindEntry(static_cast<uint64_t>(id));
  if (entry == nullptr) return std::nullopt;
  return InfoOf(*entry);
}

void SpanIndex::AppendTraces(const Route& route, size_t n, std::vector<SpanInfo>* out) const {
  const size_t begin = out->size();
  uint64_t position = route.newest;
  for (size_t looks = n * kLooksPerTrace; looks > 0 && out->size() - begin < n; --looks) {
    const Entry& entry = At(position);
    const bool is_new = std::none_of(out->begin(), out->end(), [&](const SpanInfo& info) {
      return info.trace_id == entry.trace_id;
    });
    if (is_new) out->push_back(InfoOf(entry));
    if (entry.back == 0 || position - first_ < entry.back) return;
    position -= entry.back;
  }
}

std::vector<SpanInfo> SpanIndex::RecentTraces(TargetId target, std::string_view route,
                                              size_t n) const {
  std::vector<SpanInfo> out;
  const auto names = route_ids_.find(target);
  if (names == route_ids_.end()) return out;
  if (!route.empty()) {
    const auto found = names->second.find(route.substr(0, options_.max_route_length));
    if (found != names->second.end()) AppendTraces(routes_[found->second], n, &out);
    return out;
  }
  for (const auto& [name, id] : names->second) AppendTraces(routes_[id], n, &out);
  std::sort(out.begin(), out.end(),
            [](const SpanInfo& a, const SpanInfo& b) { return a.start_ns > b.start_ns; });
  if (out.size() > n) out.resize(n);
  return out;
}

size_t SpanIndex::memory_bytes() const {
  return ring_.capacity() * sizeof(Entry) + buckets_.capacity() * sizeof(uint32_t) + route_bytes_;
}

}  // namespace tidemark
