// From a ledger to a profile: addresses become functions, files and lines; samples of one stack and
// span become one.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "ledger/ledger_reader.h"
#include "model/profile.h"
#include "symbolize/symbolizer.h"

namespace tidemark {

struct ProfileOptions {
  int64_t time_ns = 0;          // event time of the snapshot
  size_t max_samples = 20'000;  // of stack and span; beyond, the lightest lose their span
  // Become comments "key: value", after those that the ledger gives (pid, executable, losses).
  std::vector<std::pair<std::string, std::string>> annotations;
  // Stands before the paths of modules when they are opened; "" = our own file system.
  std::string module_root;
  // Live bytes are told apart by their age: label "age" in seconds, the greatest power of two not
  // above it (0 below 1 s), so that `go tool pprof -tagfocus=age=10min:` shows what is older.
  bool ages = false;
};

// Sample types alloc_objects, alloc_space, inuse_objects, inuse_space (the order of Go's heap
// profiles); alloc values are cumulative per stack and stand in the sample without a span. Labels
// trace_id and span_id name the span that was active. Frames of the allocator and of the standard
// library at the leaf are gone: the leaf is the program's code. The result is valid.
// `variances`, unless null, gets for each sample the variance of its live bytes from sampling,
// bytes squared.
Profile BuildProfile(const LedgerSnapshot& ledger, Symbolizer& symbolizer,
                     const ProfileOptions& options, std::vector<double>* variances = nullptr);

// Live bytes and objects, unbiased, without building a profile.
struct LiveTotals {
  double bytes = 0, objects = 0, alloc_bytes = 0;
  // Standard error of `bytes` from sampling, one sigma.
  double sigma_bytes = 0;
};
LiveTotals TotalsOf(const LedgerSnapshot& ledger);

}  // namespace tidemark
