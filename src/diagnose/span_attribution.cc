#include "diagnose/span_attribution.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/saturate.h"
#include "model/stack.h"

namespace tidemark {
namespace {

constexpr char kUnknownRoute[] = "(span not exported)";

void SortAndCut(size_t max_traces, SpanAttribution* result) {
  std::sort(result->traces.begin(), result->traces.end(),
            [](const TraceEvidence& a, const TraceEvidence& b) {
              return a.bytes != b.bytes ? a.bytes > b.bytes : a.start_ns > b.start_ns;
            });
  if (result->traces.size() > max_traces) result->traces.resize(max_traces);
  std::sort(result->routes.begin(), result->routes.end(),
            [](const RouteEvidence& a, const RouteEvidence& b) {
              return a.growth_share > b.growth_share;
            });
}

}  // namespace

SpanId SpanOf(const Sample& sample) {
  SpanId id = SpanId::kNone;
  for (const Label& label : sample.labels) {
    if (label.key == "span_id") FromHex(label.text, &id);
  }
  return id;
}

TraceId TraceOf(const Sample& sample) {
  TraceId id;
  for (const Label& label : sample.labels) {
    if (label.key == "trace_id") FromHex(label.text, &id);
  }
  return id;
}

SpanAttribution AttributeToSpans(const Profile& profile, const std::unordered_set<uint64_t>& stacks,
                                 const SpanLookup& lookup, size_t max_traces) {
  SpanAttribution result;
  const uint32_t bytes = profile.TypeIndex("inuse_space");
  if (bytes == kNoIndex) return result;

  std::unordered_map<uint64_t, TraceEvidence> spans;
  for (const Sample& sample : profile.samples) {
    if (sample.values[bytes] == 0) continue;
    if (!stacks.empty() && !stacks.contains(StackIdOf(FramesOf(profile, sample)))) continue;
    result.total_bytes = SaturatingAdd(result.total_bytes, sample.values[bytes]);
    const SpanId span = SpanOf(sample);
    if (span == SpanId::kNone) continue;
    result.linked_bytes = SaturatingAdd(result.linked_bytes, sample.values[bytes]);
    TraceEvidence& trace = spans[static_cast<uint64_t>(span)];
    trace.span_id = span;
    trace.trace_id = TraceOf(sample);
    trace.bytes = SaturatingAdd(trace.bytes, sample.values[bytes]);
  }

  std::map<std::string, RouteEvidence> routes;
  for (auto& [id, trace] : spans) {
    const auto info = lookup(trace.span_id);
    trace.route = info ? info->route : kUnknownRoute;
    trace.ended = info.has_value();
    if (info) {
      trace.start_ns = info->start_ns;
      trace.duration_ns = info->end_ns - info->start_ns;
      result.survivor_bytes = SaturatingAdd(result.survivor_bytes, trace.bytes);
    }
    RouteEvidence& route = routes[trace.route];
    route.route = trace.route;
    route.method = "span";
    route.growth_share +=
        static_cast<double>(trace.bytes) / static_cast<double>(result.linked_bytes);
    if (info) route.survivor_bytes = SaturatingAdd(route.survivor_bytes, trace.bytes);
    result.traces.push_back(trace);
  }
  for (auto& [name, route] : routes) result.routes.push_back(std::move(route));
  SortAndCut(max_traces, &result);
  return result;
}

}  // namespace tidemark
