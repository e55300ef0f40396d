// From an address to the object that begins at or before it.
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

// Over addresses (ascending, distinct), which outlive it. A bit for each place where an object may
// begin (every 8 bytes, mostly), 32 of them in a word with the number of objects before it: one
// access to memory a look-up, about 2 bytes an object, 16 at most.
class AddressIndex {
 public:
  struct Found {
    ObjectId at_or_before = kNoObject;  // an index into the addresses; kNoObject: there is none
    bool begins = false;                // just there
  };

  AddressIndex() = default;
  // Errors: the scratch's.
  static Result<AddressIndex> Make(std::span<const uint64_t> address, Scratch& scratch);

  // The last object that begins at or before `address`. Whether it reaches as far as `address`, its
  // size says.
  Found Find(uint64_t address) const;
  // Find of each, into `found`, as long as `addresses`.
  void Find(std::span<const uint64_t> addresses, Found* found) const;

 private:
  // A stretch of addresses without large gaps, cut into granules of 2^shift bytes.
  struct Region {
    uint64_t low, high;  // of the first and of the last object
    uint32_t first, last;
    uint32_t shift = 0;
    uint64_t words =
        kSparse;  // where its own begin; kSparse: it has none and is searched by halves
  };
  static constexpr uint64_t kSparse = ~uint64_t{0};

  // Of a word: its 32 granules, lowest bit first, and above them how many objects come before.
  static constexpr int kGranulesShift = 5;
  static uint64_t GranuleOf(const Region& region, uint64_t address) {
    return (std::min(address, region.high) - region.low) >> region.shift;
  }
  static uint64_t WordOf(const Region& region, uint64_t address) {
    return region.words + (GranuleOf(region, address) >> kGranulesShift);
  }
  const Region* RegionOf(uint64_t address) const;
  Found FindIn(const Region& region, uint64_t address) const;
  Found Search(const Region& region, uint64_t address) const;
  void CutIntoRegions(Scratch& scratch);
  uint64_t GiveWords();
  uint64_t MiddleOf(const Region& region) const;
  void FillWords(const Region& region, uint64_t first, uint64_t end, Scratch& scratch);

  std::span<const uint64_t> address_;
  std::vector<Region> regions_;
  Array<uint64_t> word_;
};

}  // namespace tidemark::heapgraph
