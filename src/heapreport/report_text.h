// A report for a terminal: the finding first, then what it stands on. At most 100 columns wide.
#pragma once

#include <string>

#include "heapreport/heap_report.h"

namespace tidemark {

struct TextReportOptions {
  size_t top = 15;  // rows of each table
};

std::string HeapReportText(const HeapReport& report, const TextReportOptions& options = {});

}  // namespace tidemark
