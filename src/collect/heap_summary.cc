// The figures of a report, from the profile's samples.
#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>
#include <utility>

#include "collect/report.h"

namespace tidemark {
namespace {

struct StackState {
  StackTotal total;
  double variance = 0;
  std::map<int64_t, int64_t> bytes_by_age;  // seconds
};
using StackTable = std::unordered_map<uint64_t, StackState>;

int64_t Value(const Sample& sample, uint32_t type) {
  return type == kNoIndex ? 0 : sample.values[type];
}

// A block of size s is sampled with p = 1 - exp(-s / R) and stands for s / p bytes, so B bytes of
// such blocks have the variance B s / (exp(s / R) - 1): 1 MiB of 64-byte blocks at R = 512 KiB has
// (724 KiB)^2, 1 MiB of 4 MiB blocks almost none.
double VarianceOf(int64_t bytes, int64_t objects, int64_t period) {
  if (bytes <= 0 || objects <= 0 || period <= 0) return 0;
  const double size = static_cast<double>(bytes) / static_cast<double>(objects);
  return static_cast<double>(bytes) * size / std::expm1(size / static_cast<double>(period));
}

int64_t AgeOf(const Sample& sample) {
  for (const Label& label : sample.labels) {
    if (label.key == "age" && label.unit == "seconds") return label.number;
  }
  return -1;
}

StackTable StacksOf(const Profile& profile, const std::vector<double>* variances) {
  const uint32_t bytes = profile.TypeIndex("inuse_space");
  const uint32_t objects = profile.TypeIndex("inuse_objects");
  const uint32_t allocated = profile.TypeIndex("alloc_space");
  const bool exact = variances != nullptr && variances->size() == profile.samples.size();
  StackTable stacks;
  for (size_t i = 0; i < profile.samples.size(); ++i) {
    const Sample& sample = profile.samples[i];
    auto frames = FramesOf(profile, sample);
    StackState& state = stacks[StackIdOf(frames)];
    StackTotal& stack = state.total;
    if (stack.frames.empty()) stack.frames = std::move(frames);
    const int64_t live = Value(sample, bytes);
    stack.inuse_bytes += live;
    stack.inuse_objects += Value(sample, objects);
    stack.alloc_bytes += Value(sample, allocated);
    state.variance +=
        exact ? (*variances)[i] : VarianceOf(live, Value(sample, objects), profile.period);
    if (const int64_t age = AgeOf(sample); age >= 0 && live > 0) state.bytes_by_age[age] += live;
  }
  return stacks;
}

// The stack with its error and ages.
StackTotal Finished(StackState state) {
  StackTotal stack = std::move(state.total);
  stack.sigma_bytes = std::sqrt(state.variance);
  int64_t all = 0, younger = 0;
  for (const auto& [age, bytes] : state.bytes_by_age) all += bytes;
  for (const auto& [age, bytes] : state.bytes_by_age) {
    if (2 * younger <= all) stack.median_age_s = age;
    younger += bytes;
    stack.oldest_age_s = age;
  }
  return stack;
}

std::vector<std::string> LossesOf(const Profile& profile) {
  constexpr std::string_view kPrefix = "lost, ";  // as BuildProfile writes them
  std::vector<std::string> losses;
  for (const std::string& comment : profile.comments) {
    if (comment.starts_with(kPrefix)) losses.push_back(comment.substr(kPrefix.size()));
  }
  return losses;
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
  StackTable stacks = StacksOf(now, options.variances);
  summary.losses = LossesOf(now);
  if (before != nullptr) {
    summary.since_ns = before->time_ns;
    for (auto& [id, state] : stacks) state.total.growth_bytes = state.total.inuse_bytes;
    for (const auto& [id, earlier] : StacksOf(*before, nullptr)) {
      const auto at = stacks.find(id);
      if (at != stacks.end()) at->second.total.growth_bytes -= earlier.total.inuse_bytes;
    }
  }
  std::vector<StackTotal> all;
  for (auto& [id, state] : stacks) {
    StackTotal stack = Finished(std::move(state));
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
