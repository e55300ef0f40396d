// Whose memory it is: live bytes of a profile by the span that allocated them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "model/incident.h"
#include "model/profile.h"
#include "model/span.h"

namespace tidemark {

// What is known of a span by its id.
struct SpanFacts {
  TraceId trace_id;
  std::string route;  // its route, or its name where no route is known
  int64_t start_ns = 0, end_ns = 0;
};

// Nothing when the span is unknown: never exported, still running, or forgotten.
using SpanLookup = std::function<std::optional<SpanFacts>(SpanId)>;

// The span id in a sample's labels; kNone when there is none.
SpanId SpanOf(const Sample& sample);
TraceId TraceOf(const Sample& sample);

// The live bytes of the chosen stacks, by route and by trace. Identity: linked + unlinked = total.
struct SpanAttribution {
  int64_t total_bytes = 0;
  int64_t linked_bytes = 0;           // samples that name a span
  int64_t survivor_bytes = 0;         // of those, the span has ended
  std::vector<RouteEvidence> routes;  // by falling bytes; growth_share is the share of linked bytes
  std::vector<TraceEvidence> traces;  // the heaviest `max_traces`
};

// `stacks` chooses by stack id (model/stack.h); empty chooses all. Samples of one span are added
// up.
SpanAttribution AttributeToSpans(const Profile& profile, const std::unordered_set<uint64_t>& stacks,
                                 const SpanLookup& lookup, size_t max_traces = 10);

}  // namespace tidemark
