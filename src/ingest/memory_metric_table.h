// The names that runtimes, collectors and allocators give to memory, and what each stands for. Data
// only; docs/formats/metrics.md tells the story of each runtime.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ingest/canonical_point.h"
#include "model/target.h"

namespace tidemark {

enum class MetricUse : uint8_t {
  kHeap,
  kRss,
  kLimit,
  kActiveSpans,
  kRequests,      // cumulative count of requests: becomes req_rate
  kInput,         // no series of its own: goes into the value of another
  kAllocated,     // cumulative, never falls but by a restart
  kUptime,        // since the process started: falls by a restart
  kProcessStart,  // changes by a restart
  kReserved,      // reserved or committed, ratchets up; no evidence
  kAux,           // supporting evidence, kept under its own name
};

// How the value of one target at one time comes from its points, always summed first over the
// attribute sets that pass the rules.
enum class MetricFormula : uint8_t {
  kSum,
  kGoGoal,              // live heap from the collector's goal, see LiveFromGoGoal
  kMinusFragmentation,  // .NET
  kPlusWorkingSet,      // available memory + working set = limit
  kWorkingSetDivided,   // working set / utilization = limit
};

enum class MetricInput : uint8_t { kNone, kGogcPercent, kGoLimit, kFragmentation, kWorkingSet };
inline constexpr int kMetricInputs = 5;

struct AttributeRule {
  enum class Kind : uint8_t { kNone, kOneOf, kNoneOf, kLacks };
  Kind kind = Kind::kNone;
  std::string_view key;     // '.' also matches '_'
  std::string_view values;  // separated by '|'. kOneOf, kNoneOf: whole values ("" when absent);
                            // kLacks: substrings
};

// Of several rows for one role the better quality wins, then the earlier row.
struct MetricRow {
  std::string_view name;
  MetricUse use = MetricUse::kAux;
  Quality quality = Quality::kNoisy;
  std::array<AttributeRule, 2> rules = {};  // all must hold
  MetricFormula formula = MetricFormula::kSum;
  MetricInput input = MetricInput::kNone;
  bool per_container = false;  // one sender reports many containers: labels namespace, pod,
                               // container name the target
};

// All rows, in order of preference.
std::span<const MetricRow> MetricTable();

// Indices into MetricTable() of the rows for `name`, which may also be the name that an OTel to
// Prometheus translation makes of it (go.memory.used -> go_memory_used_bytes). Empty when the name
// says nothing about memory.
std::span<const uint16_t> FindMetricRows(std::string_view name);

// Whether a point with these attributes counts for the row.
bool Matches(const MetricRow& row, const Attributes& attributes);

}  // namespace tidemark
