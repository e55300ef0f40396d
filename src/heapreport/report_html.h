// A report as one HTML file that needs no network: flame graph, type table, path explorer.
#pragma once

#include <string>

#include "heapreport/heap_report.h"

namespace tidemark {

// Names from the dump reach the page as JSON in a script that is never run, and its elements as
// text; they cannot become markup.
std::string HeapReportHtml(const HeapReport& report);

}  // namespace tidemark
