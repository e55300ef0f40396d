// An incident in words: the sentence at its head, and the paragraph a terminal shows.
#pragma once

#include <string>

#include "model/incident.h"

namespace tidemark {

// "1.4 GiB", "12 KiB", "-3 B"; three significant digits.
std::string FormatBytes(double bytes);
// "3 min 20 s", "2.5 h", "4 days".
std::string FormatSpanOfTime(int64_t duration_ns);

// One sentence: who grows, how fast, where from, on whose behalf.
std::string Summarize(const Incident& incident);

// The whole finding for a terminal, several lines, ending in a newline: growth with its interval,
// onset, time to the limit, cost, the growing stack, routes, traces and captures. Lines are not
// wrapped.
std::string DescribeForTerminal(const Incident& incident);

}  // namespace tidemark
