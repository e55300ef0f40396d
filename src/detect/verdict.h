// What the metric level says about one service and version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/incident.h"

namespace tidemark {

// One leak of one service and version, from its opening to its close. Times are event time, seconds
// since the epoch.
struct Verdict {
  std::string id;  // 16 hex digits; the same points give the same id
  std::string service, version;
  std::vector<std::string> instances;  // those seen growing so far
  double detected_at_s = 0;
  double updated_at_s = 0;          // last confirmation
  double closed_at_s = 0;           // 0 = open
  Estimate bytes_per_hour;          // per instance, newest
  double bytes_per_hour_first = 0;  // when it opened
  double onset_s = 0;               // where the growth most likely began (hinge of the fit)
  std::string kind;                 // "heap", "rss" or "spans"
  // 0 to 1: 1 - 0.15 exp(-(z - 5) / 5) a b, a = 0.5 where a flat history stands before the growth,
  // else 1, b = 1 + 0.5 exp(-window / 1 h). z = 5, no history, 40 min: 1 - 0.15 * 1.26 = 0.81. z =
  // 15, history, 3 h: 0.99.
  double confidence = 0;
  double z = 0;          // slope over its standard error
  double window_s = 0;   // the growth was judged over
  double oom_eta_s = 0;  // when the nearest instance reaches its limit; 0 = unknown
};

// The verdicts of a detector in order of opening. Open ones are always kept, of the closed ones the
// newest `max_closed`. One thread.
class VerdictBook {
 public:
  explicit VerdictBook(size_t max_closed) : max_closed_(max_closed) {}

  uint64_t Open(Verdict verdict);  // a handle
  // The verdict to change; what is changed shows in the next TakeChanged. Handle of an open verdict
  // only.
  Verdict& Change(uint64_t handle);
  void Close(uint64_t handle, double closed_at_s);

  std::vector<Verdict> TakeChanged();
  std::vector<Verdict> All() const;
  uint64_t forgotten() const { return forgotten_; }

 private:
  struct Entry {
    Verdict verdict;
    bool changed = true;
  };
  std::map<uint64_t, Entry> entries_;
  size_t max_closed_, closed_ = 0;
  uint64_t next_ = 1, forgotten_ = 0;
};

}  // namespace tidemark
