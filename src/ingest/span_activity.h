// What one target's spans were doing, second by second of event time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace tidemark {

// Rings of 128 seconds: spans started, spans ended, requests ended. A span is known only once it
// has ended, so the number active at a second is final only after the spans that were running then
// have been exported: read with a lag.
//
//   active at the end of second t = active before the window + sum over the window up to t of
//   (started - ended)
//
// Not thread-safe. 1.6 KiB, no allocation.
class SpanActivity {
 public:
  static constexpr int64_t kSeconds = 128;

  // Times in seconds since the epoch, start <= end. False when the span ended before the window: it
  // is not counted.
  bool Add(int64_t start_s, int64_t end_s, bool is_request);

  // Moves the window so that it ends with second `now_s`; never back.
  void Advance(int64_t now_s);

  struct Rates {
    double requests_per_second = 0;
    double active_spans = 0;  // mean of the values at the ends of the seconds
  };
  // Over [from_s, to_s); nothing unless all of it lies in the window.
  std::optional<Rates> Over(int64_t from_s, int64_t to_s) const;

  int64_t last_second() const { return last_; }

 private:
  struct Second {
    uint32_t started = 0, ended = 0, requests = 0;
  };
  // Seconds before 1970 occur: a window may begin there.
  static size_t Slot(int64_t second) {
    return static_cast<size_t>((second % kSeconds + kSeconds) % kSeconds);
  }
  Second& At(int64_t second) { return ring_[Slot(second)]; }
  const Second& At(int64_t second) const { return ring_[Slot(second)]; }
  int64_t first() const { return last_ - kSeconds + 1; }

  std::array<Second, kSeconds> ring_ = {};
  int64_t last_ = 0;           // newest second of the window; 0 = nothing yet
  int64_t active_before_ = 0;  // spans active just before the window
};

}  // namespace tidemark
