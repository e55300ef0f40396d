// The mappings, functions and locations of a profile that is being built, each entered once.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "collect/perf_map.h"
#include "ledger/ledger_reader.h"
#include "model/profile.h"
#include "symbolize/symbolizer.h"

namespace tidemark {

// Used by one thread; refers to the ledger, symbolizer and profile it was made with.
class LocationTable {
 public:
  // Enters the ledger's modules as mappings, the main program first. `root` stands before their
  // paths when they are opened.
  LocationTable(const LedgerSnapshot& ledger, std::string root, Symbolizer* symbolizer,
                Profile* profile);

  // Locations of a stack, leaf first, without the allocator's frames at the leaf. A stack of
  // nothing else is kept whole; the unknown stack is one location that says so.
  std::vector<uint32_t> Locations(const LedgerStack& stack);

  // Modules whose code was met but could not be read, "path: why".
  std::vector<std::string> Unreadable() const;

 private:
  uint32_t MappingOf(uint64_t address) const;
  const std::vector<SymbolFrame>& FramesOf(uint64_t address, uint32_t mapping);
  // The location of `address` without its `skip` innermost inlined frames.
  uint32_t Location(uint64_t address, size_t skip);
  uint32_t Function(const SymbolFrame& frame);

  ModuleRef RefOf(uint32_t mapping) const;

  const std::string root_;
  const std::string perf_map_path_;
  const int64_t start_ns_;           // of the process
  std::optional<PerfMap> perf_map_;  // read when code without a module is met
  Symbolizer* symbolizer_;
  Profile* profile_;
  std::vector<LedgerModule> modules_;  // as the profile's mappings
  std::vector<uint32_t> by_address_;   // indices into modules_, by start
  std::map<uint64_t, std::vector<SymbolFrame>> frames_;
  std::map<std::pair<uint64_t, size_t>, uint32_t> locations_;
  std::map<std::tuple<std::string, std::string, int64_t>, uint32_t> functions_;
};

}  // namespace tidemark
