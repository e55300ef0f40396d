// Any bytes: a line is a point or an error; a point that was read has the views it claims.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "cli/point_line.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tidemark::PointLineScratch scratch;
  const std::string_view line(reinterpret_cast<const char*>(data), size);
  const auto point = tidemark::ParsePointLine(line, scratch);
  if (!point && point.error().message.empty()) std::abort();
  if (point) {
    size_t sum = 0;
    for (const char c : point->service) sum += static_cast<unsigned char>(c);
    for (const char c : point->version) sum += static_cast<unsigned char>(c);
    for (const char c : point->instance) sum += static_cast<unsigned char>(c);
    if (sum == SIZE_MAX) std::abort();
    tidemark::FleetDetector detector;
    detector.Add(*point);
  }
  return 0;
}
