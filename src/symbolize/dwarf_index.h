// The DWARF of one file, indexed for look-ups by address.
//
//   units_      address ranges -> compilation unit               built when the file is opened
//   functions_  address ranges -> function, one table a unit     built when a unit is first hit
//   names_      function DIE -> names                             filled as functions are met
//
// A look-up finds the unit, then the function, then descends from the function through lexical
// blocks and inlined calls that cover the address: a handful of DIEs, whatever the unit's size.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "symbolize/elf_file.h"
#include "symbolize/symbolizer.h"

namespace tidemark {

// Owned by one thread. The ElfFile outlives the index.
class DwarfIndex {
 public:
  // Null when the file has no DWARF that can be read.
  static std::unique_ptr<DwarfIndex> Open(const ElfFile& file);
  ~DwarfIndex();
  DwarfIndex(const DwarfIndex&) = delete;
  DwarfIndex& operator=(const DwarfIndex&) = delete;

  // Frames at a link-time address, innermost first; empty when no function covers it.
  std::vector<SymbolFrame> Frames(uint64_t address);

  // File and line of an address whose function is not described (assembler); "" = unknown.
  SymbolFrame PlaceOf(uint64_t address);

  // What the tables of this index and of libdw take, as estimated.
  size_t bytes() const { return bytes_; }

 private:
  struct Range {
    uint64_t low, high;  // [low, high)
    Dwarf_Off die;       // of the unit or function
    uint64_t max_high;   // the greatest `high` up to and including this entry
  };
  struct Names {
    std::string function, system_name;
    int64_t start_line = 0;
  };

  explicit DwarfIndex(Dwarf* dwarf);
  void IndexUnits();
  const std::vector<Range>& FunctionsOf(Dwarf_Off unit);
  void CollectFunctions(Dwarf_Die scope, int depth, std::vector<Range>* out);
  const Names& NamesOf(Dwarf_Die* function);
  void AppendRanges(Dwarf_Die* die, std::vector<Range>* out);
  static void Finish(std::vector<Range>* ranges);
  static const Range* Find(const std::vector<Range>& ranges, uint64_t address);
  std::vector<Dwarf_Die> CallChain(Dwarf_Off function, uint64_t address);
  std::string ScopeOf(Dwarf_Die* function);

  Dwarf* dwarf_;
  std::vector<Range> units_;
  std::unordered_map<Dwarf_Off, std::vector<Range>> functions_;
  std::unordered_map<Dwarf_Off, Names> names_;
  size_t bytes_ = 0;
};

}  // namespace tidemark
