#include "heapgraph/address_order.h"

#include <array>
#include <bit>
#include <utility>

namespace tidemark::heapgraph {
namespace {

constexpr int kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;

}  // namespace

std::vector<AscendingRuns::Run> AscendingRuns::Take() {
  if (runs_.size() > kAlways + count_ / kLong) runs_.clear();
  for (size_t i = 0; i < runs_.size(); ++i) {
    runs_[i].end = i + 1 < runs_.size() ? runs_[i + 1].next : count_;
  }
  return std::move(runs_);
}

Result<AddressOrder> AddressOrder::Make(std::span<const ToldObject> objects, std::vector<Run> runs,
                                        Scratch& scratch) {
  AddressOrder order;
  order.objects_ = objects;
  order.runs_ = std::move(runs);
  if (order.runs_.empty()) TIDEMARK_RETURN_IF_ERROR(order.Sort(scratch));
  return order;
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
