#include "heapgraph/address_order.h"

#include <utility>

#include "heapgraph/radix_sort.h"

namespace tidemark::heapgraph {
std::vector<AscendingRuns::Run> AscendingRuns::Take() {
  if (runs_.size() > kAlways + count_ / kLong) runs_.clear();
  for (size_t i = 0; i < runs_.size(); ++i) {
    runs_[i].end = i + 1 < runs_.size() ? runs_[i + 1].next : count_;
  }
  return std::move(runs_);
}

Result<AddressOrder> AddressOrder::Make(std::span<const uint64_t> addresses, std::vector<Run> runs,
                                        Scratch& scratch) {
  AddressOrder order;
  order.addresses_ = addresses;
  order.runs_ = std::move(runs);
  if (order.runs_.empty()) TIDEMARK_RETURN_IF_ERROR(order.Sort(scratch));
  return order;
}

Result<void> AddressOrder::Sort(Scratch& scratch) {
  TIDEMARK_ASSIGN_OR_RETURN(sorted_, Array<Key>::Make(scratch, addresses_.size()));
  for (uint64_t i = 0; i < addresses_.size(); ++i) {
    scratch.BreatheAt(i);
    sorted_[i] = {addresses_[i], i};
  }
  return RadixSort(
      &sorted_, [](const Key& key) { return key.address; }, scratch);
}

}  // namespace tidemark::heapgraph
