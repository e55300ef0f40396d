// A report as JSON; docs/formats/heap-report.md describes it.
#pragma once

#include <string>

#include "heapreport/heap_report.h"

namespace tidemark {

inline constexpr int kHeapReportVersion = 1;

std::string HeapReportJson(const HeapReport& report);

}  // namespace tidemark
