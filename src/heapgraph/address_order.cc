#include "heapgraph/address_order.h"

#include <array>
#include <bit>
#include <utility>

namespace tidemark::heapgraph {
namespace {

constexpr int kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;
constexpr size_t kLongRun = 16;  // on average

}  // namespace

Result<AddressOrder> AddressOrder::Make(std::span<const ToldObject> objects, Scratch& scratch) {
  AddressOrder order;
  order.objects_ = objects;
  if (!order.FindLongRuns(scratch)) TIDEMARK_RETURN_IF_ERROR(order.Sort(scratch));
  return order;
}

// False when they are short.
bool AddressOrder::FindLongRuns(Scratch& scratch) {
  const uint64_t count = objects_.size();
  for (uint64_t i = 0; i < count; ++i) {
    scratch.BreatheAt(i);
    if (i > 0 && objects_[i].address >= objects_[i - 1].address) continue;
    if (i > 0 && runs_.size() >= count / kLongRun) {
      runs_.clear();
      return false;
    }
    if (i > 0) runs_.back().end = i;
    runs_.push_back({i, count, objects_[i].address});
  }
  return true;
}

// A radix sort, which is stable, over the bits in which any two addresses differ.
Result<void> AddressOrder::Sort(Scratch& scratch) {
  const uint64_t count = objects_.size();
  TIDEMARK_ASSIGN_OR_RETURN(sorted_, Array<Key>::Make(scratch, count));
  TIDEMARK_ASSIGN_OR_RETURN(auto other, Array<Key>::Make(scratch, count));
  uint64_t varying = 0;
  for (uint64_t i = 0; i < count; ++i) {
    scratch.BreatheAt(i);
    sorted_[i] = {objects_[i].address, i};
    varying |= objects_[i].address ^ objects_[0].address;
  }
  for (int shift = 0; shift < 64 && varying >> shift != 0; shift += kDigitBits) {
    if (((varying >> shift) & (kDigits - 1)) == 0) continue;
    SortByDigit(sorted_.data(), other.data(), shift, scratch);
    std::swap(sorted_, other);
  }
  return {};
}

// One stable pass over the digit at `shift`.
void AddressOrder::SortByDigit(const Key* from, Key* to, int shift, Scratch& scratch) const {
  const uint64_t count = objects_.size();
  std::array<uint64_t, kDigits> begin{};
  const auto digit = [shift](const Key& key) { return (key.address >> shift) & (kDigits - 1); };
  for (uint64_t i = 0; i < count; ++i) {
    scratch.BreatheAt(i);
    ++begin[digit(from[i])];
  }
  uint64_t sum = 0;
  for (uint64_t& each : begin) sum += std::exchange(each, sum);
  for (uint64_t i = 0; i < count; ++i) {
    scratch.BreatheAt(i);
    to[begin[digit(from[i])]++] = from[i];
  }
}

}  // namespace tidemark::heapgraph
