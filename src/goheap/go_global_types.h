// What a Go program's global variables are, from its DWARF.
#pragma once

#include <elfutils/libdw.h>

#include <unordered_map>
#include <vector>

#include "goheap/go_layouts.h"

namespace tidemark::goheap {

// Reads all variables once; works out the slots of one when it is asked for. Used by one thread.
class GoGlobalTypes {
 public:
  // `executable` and `layouts` outlive it. Without DWARF (-w) it knows nothing.
  GoGlobalTypes(const GoExecutable& executable, GoLayouts& layouts);
  ~GoGlobalTypes();
  GoGlobalTypes(const GoGlobalTypes&) = delete;
  GoGlobalTypes& operator=(const GoGlobalTypes&) = delete;

  // The pointers of the variable at a link address, by offset; null when it is not known.
  const std::vector<GoSlot>* SlotsOf(uint64_t address);

 private:
  void ReadVariables();
  void AppendSlots(Dwarf_Die* type, uint64_t offset, std::vector<GoSlot>* slots, int depth);
  void AppendStruct(Dwarf_Die* type, uint64_t offset, std::vector<GoSlot>* slots, int depth);
  // Link address of the descriptor of a DWARF type; 0: it has none.
  uint64_t DescriptorOf(Dwarf_Die* type) const;

  const GoExecutable& executable_;
  GoLayouts& layouts_;
  Dwarf* dwarf_ = nullptr;
  uint64_t types_ = 0;                                 // runtime.types
  std::unordered_map<uint64_t, Dwarf_Off> variables_;  // by address, to the type's DIE
  std::unordered_map<uint64_t, std::vector<GoSlot>> slots_;
  uint64_t steps_ = 0;  // through types, over all variables
};

}  // namespace tidemark::goheap
