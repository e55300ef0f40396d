// Sorting large arrays by a number, in time linear in their size.
#pragma once

#include <array>
#include <cstdint>
#include <utility>

#include "heapgraph/scratch.h"

namespace tidemark::heapgraph {

// One stable pass over the digit at `shift`.
template <int kDigitBits, typename T, typename KeyOf>
void SortByDigit(const Array<T>& from, Array<T>* to, KeyOf key_of, int shift, Scratch& scratch) {
  constexpr uint64_t kDigits = uint64_t{1} << kDigitBits;
  std::array<uint64_t, kDigits> begin{};
  const auto digit = [&](const T& item) { return (key_of(item) >> shift) & (kDigits - 1); };
  for (uint64_t i = 0; i < from.size(); ++i) {
    scratch.BreatheAt(i);
    ++begin[digit(from[i])];
  }
  uint64_t sum = 0;
  for (uint64_t& each : begin) sum += std::exchange(each, sum);
  for (uint64_t i = 0; i < from.size(); ++i) {
    scratch.BreatheAt(i);
    (*to)[begin[digit(from[i])]++] = from[i];
  }
}

// Stable, by key_of(item), an unsigned number, over the bits in which any two keys differ. Takes as
// much scratch again. Errors: the scratch's.
template <typename T, typename KeyOf>
Result<void> RadixSort(Array<T>* items, KeyOf key_of, Scratch& scratch) {
  constexpr int kDigitBits = 11;
  TIDEMARK_ASSIGN_OR_RETURN(auto other, Array<T>::Make(scratch, items->size()));
  uint64_t varying = 0;
  for (uint64_t i = 0; i < items->size(); ++i) {
    scratch.BreatheAt(i);
    varying |= uint64_t{key_of((*items)[i])} ^ uint64_t { key_of((*items)[0]) };
  }
  for (int shift = 0; shift < 64 && varying >> shift != 0; shift += kDigitBits) {
    if (((varying >> shift) & ((1 << kDigitBits) - 1)) == 0) continue;
    SortByDigit<kDigitBits>(
        *items, &other, [&](const T& item) { return uint64_t{key_of(item)}; }, shift, scratch);
    std::swap(*items, other);
  }
  return {};
}

}  // namespace tidemark::heapgraph
