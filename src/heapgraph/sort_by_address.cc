#include "heapgraph/sort_by_address.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

namespace tidemark::heapgraph {
namespace {

constexpr int kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;

// One stable pass of a radix sort over the digit at `shift`.
void SortByDigit(const ObjectRecord* from, ObjectRecord* to, uint64_t count, int shift,
                 Scratch& scratch) {
  std::array<uint64_t, kDigits> begin{};
  const auto digit = [shift](const ObjectRecord& record) {
    return (record.address >> shift) & (kDigits - 1);
  };
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

}  // namespace

Result<void> SortByAddress(Array<ObjectRecord>* records, Scratch& scratch) {
  const uint64_t count = records->size();
  uint64_t varying = 0;  // bits in which any two differ
  bool sorted = true;
  for (uint64_t i = 1; i < count; ++i) {
    scratch.BreatheAt(i);
    varying |= (*records)[i].address ^ (*records)[0].address;
    sorted &= (*records)[i - 1].address <= (*records)[i].address;
  }
  if (sorted) return {};
  TIDEMARK_ASSIGN_OR_RETURN(auto other, Array<ObjectRecord>::Make(scratch, count));
  for (int shift = std::countr_zero(varying); shift < 64 && varying >> shift != 0;
       shift += kDigitBits) {
    if (((varying >> shift) & (kDigits - 1)) == 0) continue;
    SortByDigit(records->data(), other.data(), count, shift, scratch);
    std::swap(*records, other);
  }
  return {};
}

}  // namespace tidemark::heapgraph
