// The server's detector over a service's own figures: six hours of a heap that gains 30 MiB an
// hour, replayed in a moment, since the detector goes by the points' times.
#include "tidemark/leak_detector.hpp"

#include <cmath>
#include <cstdio>

int main() {
  constexpr double kMiB = 1 << 20;
  int reports = 0;
  tidemark::sdk::LeakDetector detector({}, [&](const tidemark::sdk::LeakReport& leak) {
    if (reports++ != 0) return;
    std::printf("leak %s: %.0f MiB/h (%.0f to %.0f), found after %.1f h, confidence %.0f %%\n",
                leak.id.c_str(), leak.bytes_per_hour / kMiB, leak.low / kMiB, leak.high / kMiB,
                static_cast<double>(leak.detected_unix_ns) / 3.6e12, leak.confidence * 100);
  });
  for (int i = 0; i < 6 * 360; ++i) {
    const int64_t time_ns = int64_t{10'000'000'000} * (i + 1);
    const double bytes = (200 + i * 30.0 / 360 + 3 * std::sin(i)) * kMiB;
    detector.Observe(tidemark::sdk::Series::kHeap, time_ns, bytes);
    detector.Observe(tidemark::sdk::Series::kRss, time_ns, bytes * 1.1);
  }
  return reports == 0;
}
