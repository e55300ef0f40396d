#include "detect/change_scale.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "detect/least_squares.h"

namespace tidemark::detector {
namespace {

constexpr std::ptrdiff_t kUsed = 120, kKept = 240;

}  // namespace

void ChangeScale::Add(double change_bytes) { changes_.push_back(change_bytes); }

void ChangeScale::Trim() {
  const auto size = static_cast<std::ptrdiff_t>(changes_.size());
  if (size > kKept) changes_.erase(changes_.begin(), changes_.begin() + (size - kKept));
}

double ChangeScale::Bytes() const {
  if (!known()) return 1e18;
  const auto used = std::min(kUsed, static_cast<std::ptrdiff_t>(changes_.size()));
  std::vector<double> values(changes_.end() - used, changes_.end());
  const double median = MedianInPlace(values);
  for (double& value : values) value = std::abs(value - median);
  return 1.4826 * MedianInPlace(values) / 1.414;
}

}  // namespace tidemark::detector
