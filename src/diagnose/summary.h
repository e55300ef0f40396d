// An incident in words: the sentence at its head, and the paragraph a terminal shows.
#pragma once

#include <string>

#include "model/incident.h"

namespace tidemark {

// One sentence: who grows, how fast, where from, on whose behalf.
std::string Summarize(const Incident& incident);

// The whole finding for a terminal, several lines, ending in a newline: growth with its interval,
// onset, time to the limit, cost, the growing stack, routes, traces and captures. Lines are not
// wrapped.
std::string DescribeForTerminal(const Incident& incident);

}  // namespace tidemark
