// What one target's spans were doing, second by second of event time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace tidemark {

// Rings of 128 seconds: requests ended, and the time that spans were active within each second. The
// mean number of active spans over a while is the active time in it over its length (Little's law),
// exact for spans of any length: 200 a second of 2.5 ms are 0.5 active. A span is known only once
// it has ended, so a second is final only after the spans that ran in it have been exported: read
// with a lag.
//
// Not thread-safe. 2 KiB, no allocation.
class SpanActivity {
 public:
  static constexpr int64_t kSeconds = 128;

  // start_ns <= end_ns, both times (IsTime). False when the span ended before the window: it is not
  // counted.
  bool Add(int64_t start_ns, int64_t end_ns, bool is_request);

  // Moves the window so that it ends with second `now_s`; never back.
  void Advance(int64_t now_s);

  struct Rates {
    double requests_per_second = 0;
    double active_spans = 0;  // mean
  };
  // Over [from_s, to_s); nothing unless all of it lies in the window.
  std::optional<Rates> Over(int64_t from_s, int64_t to_s) const;

  int64_t last_second() const { return last_; }

 private:
  struct Second {
    double active_ns = 0;
    uint32_t requests = 0;
  };
  // Seconds before 1970 occur: a window may begin there.
  static size_t Slot(int64_t second) {
    return static_cast<size_t>((second % kSeconds + kSeconds) % kSeconds);
  }
  Second& At(int64_t second) { return ring_[Slot(second)]; }
  const Second& At(int64_t second) const { return ring_[Slot(second)]; }
  int64_t first() const { return last_ - kSeconds + 1; }

  std::array<Second, kSeconds> ring_ = {};
  int64_t last_ = 0;  // newest second of the window; 0 = nothing yet
};

}  // namespace tidemark
