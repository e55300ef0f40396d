// Names of generated code: /tmp/perf-PID.map, as perf reads it and runtimes write it when asked to
// (CPython 3.12 and later with PYTHONPERFSUPPORT=1, node --perf-basic-prof, agents of the JVM). A
// line a function: START SIZE NAME, both numbers in hexadecimal.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "symbolize/symbolizer.h"

namespace tidemark {

// The file is anyone's: it gives names and nothing else. No link is followed; at most kMaxBytes and
// kMaxFunctions are read, of a name kMaxName bytes, control characters as '?'.
class PerfMap {
 public:
  static constexpr size_t kMaxBytes = 32 << 20;
  static constexpr size_t kMaxFunctions = 400'000;
  static constexpr size_t kMaxName = 512;

  // Empty where there is no such file, or only one last written before `since_ns` (unix): that of
  // another process of the same id.
  static PerfMap Read(const std::string& path, int64_t since_ns = 0);
  // Lines that are none are left out; of two functions at one start the later counts.
  static PerfMap Parse(std::string_view text);

  // The function that holds `address`: one frame, or none. CPython's "py::NAME:FILE" becomes a
  // function of a file.
  std::vector<SymbolFrame> Frames(uint64_t address) const;
  size_t size() const { return functions_.size(); }

 private:
  struct Function {
    uint64_t limit;
    std::string name;
  };
  std::map<uint64_t, Function> functions_;  // by start
};

}  // namespace tidemark
