#include "heapgraph/sort_by_address.h"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>
#include <vector>

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

// A stretch of ascending addresses. Dumps tell one region of an allocator behind the other.
struct Run {
  uint64_t next, end;  // positions
};

// The runs, when they are at least 16 long on average; else none.
std::vector<Run> LongRuns(const Array<ObjectRecord>& records, Scratch& scratch) {
  std::vector<Run> runs;
  const uint64_t count = records.size();
  for (uint64_t i = 0; i < count; ++i) {
    scratch.BreatheAt(i);
    if (i == 0 || records[i].address < records[i - 1].address) {
      if (runs.size() >= count / 16) return {};
      runs.push_back({i, i});
    }
    runs.back().end = i + 1;
  }
  return runs;
}

// As long as runs do not interleave, a copy of each.
void MergeRuns(const Array<ObjectRecord>& from, std::vector<Run> runs, ObjectRecord* to,
               Scratch& scratch) {
  const auto later = [&from](const Run& a, const Run& b) {
    const uint64_t of_a = from[a.next].address, of_b = from[b.next].address;
    return of_a != of_b ? of_a > of_b : a.next > b.next;
  };
  std::make_heap(runs.begin(), runs.end(), later);
  while (!runs.empty()) {
    std::pop_heap(runs.begin(), runs.end(), later);
    Run run = runs.back();
    runs.pop_back();
    do {
      scratch.BreatheAt(run.next);
      *to++ = from[run.next++];
    } while (run.next < run.end && (runs.empty() || !later(run, runs.front())));
    if (run.next == run.end) continue;
    runs.push_back(run);
    std::push_heap(runs.begin(), runs.end(), later);
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
  if (auto runs = LongRuns(*records, scratch); !runs.empty()) {
    MergeRuns(*records, std::move(runs), other.data(), scratch);
    std::swap(*records, other);
    return {};
  }
  for (int shift = std::countr_zero(varying); shift < 64 && varying >> shift != 0;
       shift += kDigitBits) {
    if (((varying >> shift) & (kDigits - 1)) == 0) continue;
    SortByDigit(records->data(), other.data(), count, shift, scratch);
    std::swap(*records, other);
  }
  return {};
}

}  // namespace tidemark::heapgraph
