// `tidemark heap DUMP [DUMP2]`: who holds the memory.
#pragma once

#include <string>

namespace tidemark {

enum class HeapOutput : uint8_t { kText, kJson, kHtml, kPprof };

struct HeapCommandOptions {
  std::string dump;    // with two: the earlier one
  std::string later;   // empty: one dump
  std::string exe;     // of a Go program
  std::string memory;  // a size; empty: three quarters of what is free
  HeapOutput output = HeapOutput::kText;
  std::string out;          // file; empty: standard output
  bool mat_compat = false;  // HPROF
  size_t top = 15;          // rows of the text's tables
  bool check = false;       // exit 1 when an owner holds half of the heap, or a path grew
};

// Returns the exit status.
int RunHeap(const HeapCommandOptions& options);

}  // namespace tidemark
