// The figures of a report, from the profile's samples.
#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "collect/report.h"

namespace tidemark {
namespace {

using StackTable = std::unordered_map<uint64_t, StackTotal>;

int64_t Value(const Sample& sample, uint32_t type) {
  return type == kNoIndex ? 0 : sample.values[type];
}

StackTable StacksOf(const Profile& profile) {
  const uint32_t bytes = profile.TypeIndex("inuse_space");
  const uint32_t objects = profile.TypeIndex("inuse_objects");
  const uint32_t allocated = profile.TypeIndex("alloc_space");
  StackTable stacks;
  for (const Sample& sample : profile.samples) {
    auto frames = FramesOf(profile, sample);
    StackTotal& stack = stacks[StackIdOf(frames)];
    if (stack.frames.empty()) stack.frames = std::move(frames);
    stack.inuse_bytes += Value(sample, bytes);
    stack.inuse_objects += Value(sample, objects);
    stack.alloc_bytes += Value(sample, allocated);
  }
  return stacks;
}

// The first `count` by `key`, greatest first, without those at or below zero.
template <typename T, typename Key>
std::vector<T> Top(const std::vector<T>& all, size_t count, Key key) {
  std::vector<T> top;
  std::copy_if(all.begin(), all.end(), std::back_inserter(top),
               [&](const T& item) { return key(item) > 0; });
  std::stable_sort(top.begin(), top.end(), [&](const T& a, const T& b) { return key(a) > key(b); });
  if (top.size() > count) top.resize(count);
  return top;
}

std::vector<SpanTotal> SpansOf(const Profile& profile) {
  const uint32_t bytes = profile.TypeIndex("inuse_space");
  const uint32_t objects = profile.TypeIndex("inuse_objects");
  std::map<std::pair<std::string, std::string>, SpanTotal> spans;
  for (const Sample& sample : profile.samples) {
    std::string trace_id, span_id;
    for (const Label& label : sample.labels) {
      if (label.key == "trace_id") trace_id = label.text;
      if (label.key == "span_id") span_id = label.text;
    }
    if (trace_id.empty()) continue;
    SpanTotal& span = spans[{trace_id, span_id}];
    span.trace_id = trace_id;
    span.span_id = span_id;
    span.inuse_bytes += Value(sample, bytes);
    span.inuse_objects += Value(sample, objects);
  }
  std::vector<SpanTotal> out;
  for (auto& [key, span] : spans) out.push_back(std::move(span));
  return out;
}

}  // namespace

HeapSummary Summarize(const Profile& now, const Profile* before, const ReportOptions& options) {
  HeapSummary summary;
  StackTable stacks = StacksOf(now);
  if (before != nullptr) {
    summary.since_ns = before->time_ns;
    for (auto& [id, stack] : stacks) stack.growth_bytes = stack.inuse_bytes;
    for (const auto& [id, earlier] : StacksOf(*before)) {
      const auto at = stacks.find(id);
      if (at != stacks.end()) at->second.growth_bytes -= earlier.inuse_bytes;
    }
  }
  std::vector<StackTotal> all;
  for (auto& [id, stack] : stacks) {
    summary.inuse_bytes += stack.inuse_bytes;
    summary.inuse_objects += stack.inuse_objects;
    summary.alloc_bytes += stack.alloc_bytes;
    summary.stacks += stack.inuse_bytes > 0;
    all.push_back(std::move(stack));
  }
  const auto spans = SpansOf(now);
  for (const SpanTotal& span : spans) summary.with_span_bytes += span.inuse_bytes;
  summary.heaviest = Top(all, options.max_stacks, [](const auto& s) { return s.inuse_bytes; });
  summary.growing = Top(all, options.max_stacks, [](const auto& s) { return s.growth_bytes; });
  summary.spans = Top(spans, options.max_spans, [](const auto& s) { return s.inuse_bytes; });
  return summary;
}

}  // namespace tidemark
