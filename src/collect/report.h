// A heap profile as a person reads it in a terminal, and the same figures as JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/profile.h"
#include "model/stack.h"

namespace tidemark {

enum class ReportFormat : uint8_t { kText, kJson };

struct ReportOptions {
  std::string title;       // "shop 1.0.0, pid 4242"; may be empty
  size_t max_stacks = 10;  // in each list
  size_t max_frames = 12;  // of each stack
  size_t max_spans = 10;
  double sigma_bytes = 0;  // standard error of the live bytes, 0 = unknown
  // Variance of each sample's live bytes, in the profile's order; null or of another length = from
  // the sampling interval and the mean size of its blocks.
  const std::vector<double>* variances = nullptr;
};

// One stack of a profile, with the samples of all its spans joined.
struct StackTotal {
  std::vector<FrameText> frames;  // leaf first
  int64_t inuse_bytes = 0, inuse_objects = 0, alloc_bytes = 0;
  int64_t growth_bytes = 0;  // since the earlier profile; 0 without one
  double sigma_bytes = 0;    // standard error of inuse_bytes from sampling; 0 = none or unknown
  // Half of the bytes, and the oldest of them, have been live for at least so long; -1 = unknown.
  int64_t median_age_s = -1, oldest_age_s = -1;
};

struct SpanTotal {
  std::string trace_id, span_id;  // hex
  int64_t inuse_bytes = 0, inuse_objects = 0;
};

struct HeapSummary {
  int64_t inuse_bytes = 0, inuse_objects = 0, alloc_bytes = 0;
  int64_t with_span_bytes = 0;       // of inuse_bytes, what was allocated inside a span
  size_t stacks = 0;                 // distinct ones with live bytes
  int64_t since_ns = 0;              // time of the earlier profile, 0 = none
  std::vector<StackTotal> heaviest;  // by inuse_bytes
  std::vector<StackTotal> growing;   // by growth_bytes, only those above zero
  std::vector<SpanTotal> spans;      // by inuse_bytes
  std::vector<std::string> losses;   // "stack table full: 3", what the recorder could not keep
};

// Growth is against `before`, stack by stack; null = none. Works on any profile with an inuse type.
HeapSummary Summarize(const Profile& now, const Profile* before, const ReportOptions& options);

// Text ends with a line feed; JSON is one object on one line.
std::string FormatReport(const Profile& now, const Profile* before, const ReportOptions& options,
                         ReportFormat format);

}  // namespace tidemark
