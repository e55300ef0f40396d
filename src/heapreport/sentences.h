// What a report says first, in words.
#pragma once

#include <string>

#include "heapreport/heap_report.h"

namespace tidemark {

// "92 % of the heap, 184 MiB, is held by main.leakySpanCache -> map[string]trace.Span ->
// trace.recordingSpan: 300,000 spans, 299,900 of them ended, the newest 3 s ago."
// `spans`: those under this suspect, or nullptr.
std::string SuspectSentence(const HeapReport& report, const ReportSuspect& suspect,
                            const HeldSpans* spans);

// The finding of the whole report; its suspects have their sentences already.
std::string Headline(const HeapReport& report);

}  // namespace tidemark
