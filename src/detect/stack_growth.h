// Which call stacks of a service grow without end: the profile level of the detector.
// docs/detection.md, section 2.
//
// A stack's in-use bytes are followed over the profiles of all instances of one service and
// version, pooled into one path, and the path must pass every growth rule (stack_rules.h) to become
// a GrowingStack. Two levels:
//   fast  25 s to minutes; needs evidence that requests cause the growth
//   slow  10 minutes or more; needs none
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "detect/stack_history.h"
#include "model/incident.h"

namespace tidemark {

enum class GrowthLevel : uint8_t { kNone, kFast, kSlow };
enum class RequestEvidence : uint8_t {
  kNone,
  kPerRequest,  // bytes per request stay the same over the window
  kEndedSpans,  // the growth is bytes whose span has ended
};

struct GrowingStack {
  uint64_t stack_id = 0;
  GrowthLevel level = GrowthLevel::kNone;
  RequestEvidence evidence = RequestEvidence::kNone;
  Estimate growth_bytes_per_hour;  // per instance
  int64_t onset_ns = 0;            // where the growth begins (hinge of the fit); event time
  int64_t window_start_ns = 0, window_end_ns = 0;  // what was judged
  double share = 0;                                // of all growth in the window, 0 to 1
  double retained_share = -1;     // of what it allocated in the window, how much stayed; -1 unknown
  double slope_ratio = 0;         // slope of the second half of the window over that of the first
  double slope_ratio_error = 0;   // one standard error
  double z = 0;                   // slope over its standard error
  double growth_bytes = 0;        // since the window's start, all instances together
  double bytes_per_request = -1;  // growth over requests served in the window; -1 unknown
  double inuse_bytes = 0, inuse_objects = 0;  // newest, mean per instance
  int instances_growing = 0, instances_total = 0;
  std::vector<std::string> instances;  // those that grow
  double confidence = 0;               // 0 to 1; how: stack_rules.h
};

// One per service and version. One thread at a time. Memory: at most `max_entries` samples of 40
// bytes, all instances together.
class StackGrowth {
 public:
  struct Limits {
    size_t max_instances = 256;            // beyond it the longest silent one is forgotten
    size_t max_profiles = 240;             // per instance, thinned beyond
    size_t max_stacks_per_profile = 2000;  // heaviest by in-use bytes
    size_t max_entries = 2'000'000;        // samples kept, all instances
    size_t max_candidates = 64;            // stacks judged by one Evaluate
  };
  struct Counters {
    uint64_t profiles = 0;           // accepted
    uint64_t profiles_invalid = 0;   // time before 1970 or after 2116
    uint64_t profiles_late = 0;      // not newer than the last one of the instance
    uint64_t profiles_repeated = 0;  // equal to the last one: no collection in between
    uint64_t profiles_thinned = 0;
    uint64_t stacks_truncated = 0;
    uint64_t instances_evicted = 0;
    uint64_t restarts = 0;

    Counters& operator+=(const Counters& other);
  };

  StackGrowth();
  explicit StackGrowth(Limits limits);

  // One heap profile. `period_bytes`: mean bytes between two samples, 0 = exact. `requests_total`:
  // served by this instance since its start, < 0 unknown. A fall of requests_total or of all alloc
  // bytes starts a new life.
  void Add(std::string_view instance, int64_t time_ns, std::span<const StackSample> samples,
           double period_bytes, double requests_total);

  // The stacks whose growth passes every rule, heaviest growth first.
  std::vector<GrowingStack> Evaluate() const;

  // All growth from the profiles nearest to `from_ns` to those nearest to `to_ns` (0 = newest),
  // heaviest first, at most `max`: for evidence once something else has given the verdict. Level
  // kNone, confidence 0.
  std::vector<GrowingStack> TopGrowth(int64_t from_ns, int64_t to_ns, size_t max) const;

  const Counters& counters() const { return counters_; }
  size_t entries() const { return entries_; }
  size_t instances() const { return histories_.size(); }

 private:
  StackHistory& HistoryOf(std::string_view instance);
  void KeepWithinBudget();

  Limits limits_;
  Counters counters_;
  std::map<std::string, StackHistory, std::less<>> histories_;
  size_t entries_ = 0;
};

}  // namespace tidemark
