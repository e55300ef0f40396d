// Texts and their dense numbers, with a limit.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tidemark::heapgraph {

class NameTable {
 public:
  static constexpr size_t kMaxNames = size_t{16} << 20;
  static constexpr size_t kMaxBytes = size_t{1} << 30;

  NameTable() { Intern("(other)"); }

  // The same number for the same text; that of "(other)", 0, when the table is full.
  uint32_t Intern(std::string_view name);
  uint64_t refused() const { return refused_; }
  std::vector<std::string> TakeNames();  // by number

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> numbers_;
  size_t bytes_ = 0;
  uint64_t refused_ = 0;
};

}  // namespace tidemark::heapgraph
