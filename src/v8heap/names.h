// The strings of a snapshot, as far as they name something: classes of nodes, edges. What strings
// of the program said is not kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "heapgraph/scratch.h"
#include "v8heap/json_scanner.h"

namespace tidemark::v8heap {

// Strings by their index in the file. At most 2^28 of them, and 1 GiB of names; what is beyond is
// no name.
class Names {
 public:
  static constexpr uint64_t kMaxStrings = uint64_t{1} << 28;
  static constexpr size_t kMaxNameBytes = 1024;  // longer ones are cut

  enum class Kind : uint8_t {
    kNone,  // not kept, or not there
    kText,
    kIndex,        // digits: the number is the value
    kWeakMapPair,  // "5 / part of key (..) -> value (..) pair in WeakMap (table @77)": value is 77
  };

  explicit Names(heapgraph::Scratch& scratch) : scratch_(scratch), entries_(scratch) {}

  // Before Read: `index` will be asked for.
  void Want(uint64_t index) {
    if (index >= kMaxStrings) return;
    if (index / 64 >= wanted_.size()) wanted_.resize(index / 64 + 1 + wanted_.size() / 2);
    wanted_[index / 64] |= uint64_t{1} << index % 64;
  }
  // The array of strings. False: the scanner has the error, or `status` the scratch's; what was
  // read until then holds.
  bool Read(JsonScanner& scanner, Result<void>* status);

  Kind kind(uint32_t index) const {
    return index < size_ ? static_cast<Kind>(kept_[index] >> 30) : Kind::kNone;
  }
  uint32_t value(uint32_t index) const { return kept_[index] & kMaxValue; }
  // "" of what is not there.
  std::string text(uint32_t index) const;
  size_t size() const { return size_; }
  bool has_weak_map_pairs() const { return !tables_.empty(); }
  // Of a kWeakMapPair, the id of the table.
  uint64_t table_of(uint32_t index) const { return tables_[value(index)]; }

 private:
  static constexpr uint32_t kMaxValue = (1u << 30) - 1;

  bool Wanted(size_t index) const {
    return index / 64 < wanted_.size() && (wanted_[index / 64] >> index % 64 & 1) != 0;
  }
  uint32_t Keep(std::string_view text);

  bool ReadStrings(JsonScanner& scanner, Result<void>* status);

  heapgraph::Scratch& scratch_;
  std::vector<uint64_t> wanted_;               // a bit a string
  heapgraph::GrowingArray<uint32_t> entries_;  // Kind in the upper two bits, its value below
  const uint32_t* kept_ = nullptr;             // entries_, once read
  size_t size_ = 0;                            // of kept_
  std::string texts_;                          // each behind its length in two bytes
  std::vector<uint64_t> tables_;
};

}  // namespace tidemark::v8heap
