#include "heapgraph/address_index.h"

#include <algorithm>
#include <bit>

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kGapBytes = uint64_t{64} << 20;  // wider ones end a region
constexpr size_t kMaxRegions = 4096;                // further gaps are kept inside regions
constexpr uint64_t kObjectsPerBucket = 4;
constexpr size_t kAhead = 16;  // look-ups whose memory is asked for before it is used

}  // namespace

Result<AddressIndex> AddressIndex::Make(std::span<const uint64_t> address, Scratch& scratch) {
  AddressIndex index;
  index.address_ = address;
  index.CutIntoRegions(scratch);
  uint64_t buckets = 0;
  for (Region& region : index.regions_) {
    const uint64_t objects = region.last - region.first + 1;
    const uint64_t extent = region.high - region.low;
    const uint64_t spacing = std::clamp<uint64_t>(extent / objects, 1, uint64_t{1} << 60);
    const uint64_t per_bucket = spacing * kObjectsPerBucket;
    region.shift = static_cast<uint32_t>(std::bit_width(per_bucket) - 1);
    region.buckets = buckets;
    buckets += (extent >> region.shift) + 1;
  }
  TIDEMARK_ASSIGN_OR_RETURN(index.bucket_, Array<uint32_t>::Make(scratch, buckets));
  for (const Region& region : index.regions_) index.FillBuckets(region, scratch);
  return index;
}

void AddressIndex::CutIntoRegions(Scratch& scratch) {
  const auto size = static_cast<uint32_t>(address_.size());
  uint32_t first = 0;
  for (uint32_t i = 1; i <= size; ++i) {
    scratch.BreatheAt(i);
    if (i < size &&
        (address_[i] - address_[i - 1] < kGapBytes || regions_.size() + 1 >= kMaxRegions)) {
      continue;
    }
    regions_.push_back({address_[first], address_[i - 1], first, i - 1, 0, 0});
    first = i;
  }
}

void AddressIndex::FillBuckets(const Region& region, Scratch& scratch) {
  const uint64_t end = region.buckets + ((region.high - region.low) >> region.shift) + 1;
  uint32_t at = region.first;
  for (uint64_t bucket = region.buckets; bucket < end; ++bucket) {
    scratch.BreatheAt(bucket);
    const uint64_t begin = region.low + ((bucket - region.buckets) << region.shift);
    while (at < region.last && address_[at + 1] <= begin) ++at;
    bucket_[bucket] = at;
  }
}

const AddressIndex::Region* AddressIndex::RegionOf(uint64_t address) const {
  const auto above =
      std::upper_bound(regions_.begin(), regions_.end(), address,
                       [](uint64_t value, const Region& region) { return value < region.low; });
  return above == regions_.begin() ? nullptr : &*(above - 1);
}

ObjectId AddressIndex::Search(const Region& region, uint64_t bucket, uint64_t address) const {
  // Crowded buckets (sizes differ much from one stretch to another) are searched by halves.
  uint32_t low = bucket_[bucket];
  const bool is_last = address > region.high || bucket + 1 >= bucket_.size() ||
                       ((region.high - region.low) >> region.shift) == bucket - region.buckets;
  uint32_t high = is_last ? region.last : bucket_[bucket + 1];
  while (high - low > 8) {
    const uint32_t middle = low + (high - low) / 2;
    (address_[middle] <= address ? low : high) = middle;
  }
  while (low < high && address_[low + 1] <= address) ++low;
  return low;
}

void AddressIndex::AtOrBefore(std::span<const uint64_t> addresses, ObjectId* found) const {
  struct Pending {
    const Region* region;
    uint64_t bucket;
  };
  Pending pending[2 * kAhead];
  const size_t count = addresses.size();
  const auto ask_bucket = [&](size_t i) {
    Pending& next = pending[i % (2 * kAhead)];
    next.region = RegionOf(addresses[i]);
    if (next.region == nullptr) return;
    next.bucket = BucketOf(*next.region, addresses[i]);
    __builtin_prefetch(&bucket_[next.bucket]);
  };
  const auto ask_addresses = [&](size_t i) {
    const Pending& next = pending[i % (2 * kAhead)];
    if (next.region != nullptr) __builtin_prefetch(&address_[bucket_[next.bucket]]);
  };
  for (size_t i = 0; i < count + 2 * kAhead; ++i) {
    if (i >= 2 * kAhead) {
      const size_t now = i - 2 * kAhead;
      const Pending& next = pending[now % (2 * kAhead)];
      found[now] =
          next.region == nullptr ? kNoObject : Search(*next.region, next.bucket, addresses[now]);
    }
    if (i >= kAhead && i - kAhead < count) ask_addresses(i - kAhead);
    if (i < count) ask_bucket(i);
  }
}

}  // namespace tidemark::heapgraph
