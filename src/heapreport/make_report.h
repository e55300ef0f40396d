// From an analysis to its report.
#pragma once

#include "heapreport/heap_analysis.h"
#include "heapreport/heap_report.h"

namespace tidemark {

struct ReportLimits {
  size_t types = 200, owners = 50, suspects = 10;
  size_t nodes = 4000;  // of the tree; the others are summed up beside their parent's children
  size_t path_steps = 64;
};

HeapReport MakeHeapReport(const HeapAnalysis& analysis, const ReportLimits& limits = {});

// Of two heaps of one program: the later one's report, and what grew since the earlier.
HeapReport MakeGrowthReport(const HeapAnalysis& before, const HeapAnalysis& after,
                            const ReportLimits& limits = {});

}  // namespace tidemark
