#include "heapgraph/address_index.h"

#include <algorithm>
#include <bit>
#include <future>

namespace tidemark::heapgraph {
namespace {

constexpr uint64_t kGapBytes = uint64_t{64} << 20;  // wider ones end a region
constexpr size_t kMaxRegions = 4096;                // further gaps are kept inside regions
constexpr uint64_t kGranulesPerObject = 64;         // on average, in a region that has words
constexpr uint64_t kSpareGranules = 1 << 26;        // for regions of few objects, all together
constexpr size_t kAhead = 16;  // look-ups whose memory is asked for before it is used

// Not std::popcount, which calls a function where the processor's instruction is not asked for.
uint32_t CountBits(uint32_t bits) {
  bits -= bits >> 1 & 0x55555555;
  bits = (bits & 0x33333333) + (bits >> 2 & 0x33333333);
  return ((bits + (bits >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

}  // namespace

Result<AddressIndex> AddressIndex::Make(std::span<const uint64_t> address, Scratch& scratch) {
  AddressIndex index;
  index.address_ = address;
  index.CutIntoRegions(scratch);
  TIDEMARK_ASSIGN_OR_RETURN(index.word_, Array<uint64_t>::Make(scratch, index.GiveWords()));
  for (const Region& region : index.regions_) {
    if (region.words == kSparse) continue;
    const uint64_t middle = scratch.spills() ? region.last + 1 : index.MiddleOf(region);
    auto rest = std::async(middle > region.last ? std::launch::deferred : std::launch::async,
                           [&] { index.FillWords(region, middle, region.last + 1, scratch); });
    index.FillWords(region, region.first, middle, scratch);
    rest.get();
  }
  return index;
}

void AddressIndex::CutIntoRegions(Scratch& scratch) {
  const auto size = static_cast<uint32_t>(address_.size());
  uint32_t first = 0;
  uint64_t used_bits = 0;  // of the distances from the region's first object
  for (uint32_t i = 1; i <= size; ++i) {
    scratch.BreatheAt(i);
    if (i < size &&
        (address_[i] - address_[i - 1] < kGapBytes || regions_.size() + 1 >= kMaxRegions)) {
      used_bits |= address_[i] - address_[first];
      continue;
    }
    const int shift = used_bits == 0 ? 0 : std::countr_zero(used_bits);
    regions_.push_back(
        {address_[first], address_[i - 1], first, i - 1, static_cast<uint32_t>(shift)});
    first = i;
    used_bits = 0;
  }
}

// Says where the words of each region begin; how many there are in all.
uint64_t AddressIndex::GiveWords() {
  uint64_t words = 0, spare = kSpareGranules;
  for (Region& region : regions_) {
    const uint64_t granules = GranuleOf(region, region.high);
    const uint64_t due = (uint64_t{region.last} - region.first + 1) * kGranulesPerObject;
    const uint64_t beyond = granules > due ? granules - due : 0;
    if (beyond > spare) continue;
    spare -= beyond;
    region.words = words;
    words = WordOf(region, region.high) + 1;
  }
  return words;
}

// About the middle of its objects, the first of a word; one behind the last when they are few.
uint64_t AddressIndex::MiddleOf(const Region& region) const {
  constexpr uint64_t kFew = 1 << 16;  // not worth a second thread
  const uint64_t end = uint64_t{region.last} + 1;
  if (end - region.first < kFew) return end;
  uint64_t middle = region.first + (end - region.first) / 2;
  while (middle < end && WordOf(region, address_[middle]) == WordOf(region, address_[middle - 1])) {
    ++middle;
  }
  return middle;
}

// Those of the objects from `first` to the one before `end`, and of the places just before `first`.
void AddressIndex::FillWords(const Region& region, uint64_t first, uint64_t end, Scratch& scratch) {
  if (first == end) return;
  uint64_t at = first == region.first ? region.words : WordOf(region, address_[first - 1]) + 1;
  uint64_t word = first << 32;
  for (uint64_t i = first; i < end; ++i) {
    const uint64_t granule = (address_[i] - region.low) >> region.shift;
    for (const uint64_t last = region.words + (granule >> kGranulesShift); at < last; ++at) {
      scratch.BreatheAt(at);
      word_[at] = word;
      word = i << 32;
    }
    word |= uint64_t{1} << granule % 32;
    scratch.BreatheAt(i);
  }
  word_[at] = word;
}

const AddressIndex::Region* AddressIndex::RegionOf(uint64_t address) const {
  const auto above =
      std::upper_bound(regions_.begin(), regions_.end(), address,
                       [](uint64_t value, const Region& region) { return value < region.low; });
  return above == regions_.begin() ? nullptr : &*(above - 1);
}

AddressIndex::Found AddressIndex::FindIn(const Region& region, uint64_t address) const {
  const uint64_t granule = GranuleOf(region, address);
  const uint64_t word = word_[region.words + (granule >> kGranulesShift)];
  const uint64_t bit = uint64_t{1} << granule % 32;
  const uint32_t up_to = CountBits(static_cast<uint32_t>(word & (bit | (bit - 1))));
  return {static_cast<ObjectId>(word >> 32) + up_to - 1,
          (word & bit) != 0 && region.low + (granule << region.shift) == address};
}

AddressIndex::Found AddressIndex::Search(const Region& region, uint64_t address) const {
  const auto begin = address_.begin();
  const auto above = std::upper_bound(begin + region.first, begin + region.last + 1, address);
  return {static_cast<ObjectId>(above - begin - 1), *(above - 1) == address};
}

AddressIndex::Found AddressIndex::Find(uint64_t address) const {
  const Region* region = RegionOf(address);
  if (region == nullptr) return {};
  return region->words == kSparse ? Search(*region, address) : FindIn(*region, address);
}

void AddressIndex::Find(std::span<const uint64_t> addresses, Found* found) const {
  const Region* asked[kAhead];  // nullptr: nothing was asked for
  const Region* recent = regions_.empty() ? nullptr : &regions_.front();
  const size_t count = addresses.size();
  for (size_t i = 0; i < count + kAhead; ++i) {
    const Region*& slot = asked[i % kAhead];
    if (i >= kAhead) {
      const uint64_t address = addresses[i - kAhead];
      found[i - kAhead] = slot != nullptr ? FindIn(*slot, address) : Find(address);
    }
    if (i >= count) continue;
    const uint64_t address = addresses[i];
    if (recent != nullptr && (address < recent->low || address > recent->high)) {
      recent = RegionOf(address);
    }
    slot = recent != nullptr && recent->words != kSparse ? recent : nullptr;
    if (slot != nullptr) __builtin_prefetch(&word_[WordOf(*slot, address)]);
  }
}

}  // namespace tidemark::heapgraph
