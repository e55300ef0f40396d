#include "tidemark/span_cache.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <new>
#include <random>

#include "base/time.h"

namespace tidemark::sdk {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
constexpr size_t kLeastEntriesOfAShard = 4096;

// One of the two orders in which the entries of a shard stand.
struct Links {
  uint32_t previous = kNone, next = kNone;
};

struct Slot {
  SpanRecord record;
  int64_t added_ns;
  Links use, age;
};
static_assert(sizeof(SpanRecord) == 40 && sizeof(Slot) == 64, "one cache line");

struct Order {
  Links Slot::*links;
  uint32_t first = kNone, last = kNone;
};

struct Sizes {
  uint32_t entries = 0;
  uint32_t buckets = 0;  // a power of two, of which at most 3/4 are taken
  size_t Bytes() const { return entries * sizeof(Slot) + buckets * sizeof(uint32_t); }
};

// The most entries that `bytes` hold, at least one. Example: 8 MiB: 65,536 buckets would hold
// 49,152 entries, 131,072 hold 98,304 (6.8 MB), 262,144 hold 114,688 (8 MiB).
Sizes SizesFor(size_t bytes) {
  Sizes best{1, 2};
  for (uint64_t buckets = 2; buckets * sizeof(uint32_t) < bytes && buckets <= (1u << 30);
       buckets *= 2) {
    const uint64_t room = (bytes - buckets * sizeof(uint32_t)) / sizeof(Slot);
    const uint64_t entries = std::min(room, buckets * 3 / 4);
    if (entries > best.entries) {
      best = {static_cast<uint32_t>(entries), static_cast<uint32_t>(buckets)};
    }
  }
  return best;
}

uint64_t KeyOf(const uint8_t span_id[8]) {
  uint64_t key;
  memcpy(&key, span_id, sizeof key);
  return key;
}

// The finaliser of MurmurHash3 (Appleby) over the seeded key: every bit depends on every other.
uint64_t Hash(uint64_t key, uint64_t seed) {
  uint64_t h = key ^ seed;
  h = (h ^ (h >> 33)) * 0xff51afd7ed558ccd;
  h = (h ^ (h >> 33)) * 0xc4ceb9fe1a85ec53;
  return h ^ (h >> 33);
}

}  // namespace

// Slots in one array, filled from the front and then reused; an open-addressing index of slot
// numbers with linear probing and backward-shift deletion (Knuth 6.4, algorithm R).
class alignas(64) SpanCache::Shard {
 public:
  ~Shard() {
    if (memory_ != nullptr) munmap(memory_, sizes_.Bytes());
  }

  void Init(const Sizes& sizes, int64_t ttl_ns, uint64_t seed) {
    void* memory = mmap(nullptr, sizes.Bytes(), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = memory;
    slots_ = static_cast<Slot*>(memory);
    buckets_ = reinterpret_cast<uint32_t*>(slots_ + sizes.entries);  // slot + 1; 0 = empty
    sizes_ = sizes;
    ttl_ns_ = ttl_ns;
    seed_ = seed;
  }

  void Add(const SpanRecord& record, uint64_t hash, int64_t now_ns) {
    const std::lock_guard lock(mutex_);
    now_ns = Expire(now_ns);
    ++added_;
    uint32_t slot = Lookup(KeyOf(record.span.span_id), hash);
    if (slot != kNone) {
      Unlink(&by_use_, slot);
      Unlink(&by_age_, slot);
      ++replaced_;
    } else {
      if (size_ == sizes_.entries) {
        Remove(by_use_.first);
        ++evicted_;
      }
      slot = TakeSlot();
      Insert(hash, slot);
    }
    slots_[slot].record = record;
    slots_[slot].added_ns = now_ns;
    Append(&by_use_, slot);
    Append(&by_age_, slot);
  }

  std::optional<SpanRecord> Find(uint64_t key, uint64_t hash, int64_t now_ns) {
    const std::lock_guard lock(mutex_);
    Expire(now_ns);
    const uint32_t slot = Lookup(key, hash);
    if (slot == kNone) return std::nullopt;
    if (by_use_.last != slot) {
      Unlink(&by_use_, slot);
      Append(&by_use_, slot);
    }
    return slots_[slot].record;
  }

  void AddTo(SpanCacheStats* stats, int64_t now_ns) {
    const std::lock_guard lock(mutex_);
    Expire(now_ns);
    stats->size += size_;
    stats->bytes += size_ * (sizes_.Bytes() / sizes_.entries);
    stats->max_entries += sizes_.entries;
    stats->max_bytes += sizes_.Bytes();
    stats->added += added_;
    stats->evicted += evicted_;
    stats->expired += expired_;
    stats->replaced += replaced_;
  }

 private:
  uint32_t Home(uint64_t hash) const { return static_cast<uint32_t>(hash) & (sizes_.buckets - 1); }
  uint32_t Next(uint32_t bucket) const { return (bucket + 1) & (sizes_.buckets - 1); }
  uint64_t HashOf(uint32_t slot) const {
    return Hash(KeyOf(slots_[slot].record.span.span_id), seed_);
  }

  uint32_t Lookup(uint64_t key, uint64_t hash) const {
    for (uint32_t at = Home(hash); buckets_[at] != 0; at = Next(at)) {
      const uint32_t slot = buckets_[at] - 1;
      if (KeyOf(slots_[slot].record.span.span_id) == key) return slot;
    }
    return kNone;
  }

  void Insert(uint64_t hash, uint32_t slot) {
    uint32_t at = Home(hash);
    while (buckets_[at] != 0) at = Next(at);
    buckets_[at] = slot + 1;
  }

  void Erase(uint32_t slot) {
    uint32_t hole = Home(HashOf(slot));
    while (buckets_[hole] != slot + 1) hole = Next(hole);
    // Whoever probed past the hole on the way to its bucket moves up.
    for (uint32_t at = Next(hole); buckets_[at] != 0; at = Next(at)) {
      const uint32_t home = Home(HashOf(buckets_[at] - 1));
      const uint32_t mask = sizes_.buckets - 1;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        buckets_[hole] = buckets_[at];
        hole = at;
      }
    }
    buckets_[hole] = 0;
  }

  void Append(Order* order, uint32_t slot) {
    slots_[slot].*(order->links) = {order->last, kNone};
    (order->last == kNone ? order->first : (slots_[order->last].*(order->links)).next) = slot;
    order->last = slot;
  }

  void Unlink(Order* order, uint32_t slot) {
    const Links links = slots_[slot].*(order->links);
    (links.previous == kNone ? order->first : (slots_[links.previous].*(order->links)).next) =
        links.next;
    (links.next == kNone ? order->last : (slots_[links.next].*(order->links)).previous) =
        links.previous;
  }

  // Slots that were given back form a list through `use.next`.
  uint32_t TakeSlot() {
    ++size_;
    if (free_ == kNone) return touched_++;
    const uint32_t slot = free_;
    free_ = slots_[slot].use.next;
    return slot;
  }

  void Remove(uint32_t slot) {
    Erase(slot);
    Unlink(&by_use_, slot);
    Unlink(&by_age_, slot);
    slots_[slot].use.next = free_;
    free_ = slot;
    --size_;
  }

  // The time to go by: the latest that any caller named.
  int64_t Expire(int64_t now_ns) {
    latest_ns_ = std::max(latest_ns_, now_ns);
    while (by_age_.first != kNone && latest_ns_ - slots_[by_age_.first].added_ns >= ttl_ns_) {
      Remove(by_age_.first);
      ++expired_;
    }
    return latest_ns_;
  }

  std::mutex mutex_;  // guards all below but what Init sets
  void* memory_ = nullptr;
  Slot* slots_ = nullptr;
  uint32_t* buckets_ = nullptr;
  Sizes sizes_;
  int64_t ttl_ns_ = 0;
  uint64_t seed_ = 0;
  uint32_t size_ = 0, touched_ = 0, free_ = kNone;
  Order by_use_{&Slot::use}, by_age_{&Slot::age};  // least recently used first, oldest first
  int64_t latest_ns_ = INT64_MIN / 2;
  uint64_t added_ = 0, evicted_ = 0, expired_ = 0, replaced_ = 0;
};

SpanCache::SpanCache(const SpanCacheOptions& options) {
  std::random_device random;
  seed_ = uint64_t{random()} << 32 | random();
  const size_t entries = SizesFor(options.max_bytes).entries;
  while ((2u << shard_bits_) <= std::min(options.shards, 1024u) &&
         (entries >> (shard_bits_ + 1)) >= kLeastEntriesOfAShard) {
    ++shard_bits_;
  }
  const Sizes sizes = SizesFor(options.max_bytes >> shard_bits_);
  shards_ = std::make_unique<Shard[]>(size_t{1} << shard_bits_);
  for (size_t i = 0; i < size_t{1} << shard_bits_; ++i) {
    shards_[i].Init(sizes, std::max<int64_t>(options.ttl_ns, 1), seed_);
  }
}

SpanCache::~SpanCache() = default;

SpanCache::Shard& SpanCache::ShardOf(uint64_t hash) {
  // The top bits, since the low ones choose the bucket.
  return shards_[shard_bits_ == 0 ? 0 : hash >> (64 - shard_bits_)];
}

void SpanCache::Add(const SpanRecord& record) { Add(record, SteadyClockNs()); }

void SpanCache::Add(const SpanRecord& record, int64_t now_ns) {
  const uint64_t hash = Hash(KeyOf(record.span.span_id), seed_);
  ShardOf(hash).Add(record, hash, now_ns);
}

std::optional<SpanRecord> SpanCache::Find(const uint8_t span_id[8]) {
  return Find(span_id, SteadyClockNs());
}

std::optional<SpanRecord> SpanCache::Find(const uint8_t span_id[8], int64_t now_ns) {
  const uint64_t key = KeyOf(span_id);
  const uint64_t hash = Hash(key, seed_);
  return ShardOf(hash).Find(key, hash, now_ns);
}

SpanCacheStats SpanCache::stats() { return stats(SteadyClockNs()); }

SpanCacheStats SpanCache::stats(int64_t now_ns) {
  SpanCacheStats stats;
  for (size_t i = 0; i < size_t{1} << shard_bits_; ++i) shards_[i].AddTo(&stats, now_ns);
  return stats;
}

std::vector<MetricPoint> SpanCache::Metrics() {
  const SpanCacheStats now = stats();
  MetricPoint size;
  size.name = "span_cache.size";
  size.unit = "{span}";
  size.time_unix_ns = WallClockNs();
  size.value = static_cast<double>(now.size);
  MetricPoint memory = size;
  memory.name = "span_cache.memory";
  memory.unit = "By";
  memory.value = static_cast<double>(now.bytes);
  MetricPoint evicted = size;
  evicted.name = "span_cache.evicted";
  evicted.counter = true;
  evicted.value = static_cast<double>(now.evicted);
  return {size, memory, evicted};
}

}  // namespace tidemark::sdk
