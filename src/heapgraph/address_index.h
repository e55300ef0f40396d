// From any address to the object that covers it: sorted addresses with buckets over them, so that a
// look-up costs two cache misses, and many look-ups overlap theirs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "heapgraph/scratch.h"

namespace tidemark::heapgraph {

// Index of an object or holder in a graph; at most 2^32 - 16 Mi of them.
using ObjectId = uint32_t;
constexpr ObjectId kNoObject = ~0u;

// Over `address` (ascending, distinct), which outlives it. About 2 bytes an object.
class AddressIndex {
 public:
  AddressIndex() = default;
  // Errors: the scratch's.
  static Result<AddressIndex> Make(std::span<const uint64_t> address, Scratch& scratch);

  // The last object that begins at or before `address`, as an index into the addresses; kNoObject
  // when there is none. Whether it reaches as far as `address`, its size says.
  ObjectId AtOrBefore(uint64_t address) const {
    const Region* region = RegionOf(address);
    return region == nullptr ? kNoObject : Search(*region, BucketOf(*region, address), address);
  }

  // AtOrBefore of each, into `found`, as long as `addresses`.
  void AtOrBefore(std::span<const uint64_t> addresses, ObjectId* found) const;

 private:
  // A stretch of addresses without large gaps, cut into buckets of 2^shift bytes.
  struct Region {
    uint64_t low, high;  // of the first and of the last object
    uint32_t first, last;
    uint32_t shift;
    uint64_t buckets;  // where its own begin
  };
  const Region* RegionOf(uint64_t address) const;
  static uint64_t BucketOf(const Region& region, uint64_t address) {
    return region.buckets + ((std::min(address, region.high) - region.low) >> region.shift);
  }
  ObjectId Search(const Region& region, uint64_t bucket, uint64_t address) const;
  void CutIntoRegions(Scratch& scratch);
  void FillBuckets(const Region& region, Scratch& scratch);

  std::span<const uint64_t> address_;
  std::vector<Region> regions_;
  Array<uint32_t> bucket_;  // the last object that begins before the bucket does
};

}  // namespace tidemark::heapgraph
