// Retained memory by path, as a profile for `go tool pprof`.
#pragma once

#include "heapreport/heap_report.h"
#include "model/profile.h"

namespace tidemark {

// One sample a node of the report's tree: its stack is the way from the heap by a root (the
// outermost frames) to it, its values what ends there (inuse_objects, inuse_space), so that `cum`
// of a name is what it retains. The totals are those of the reachable heap.
Profile HeapReportProfile(const HeapReport& report);

}  // namespace tidemark
