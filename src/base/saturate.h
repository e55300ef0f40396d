// Sums over values that a stranger sent: they stop at the ends of the range, where wrapping would
// be undefined.
#pragma once

#include <cstdint>

namespace tidemark {

// a + b, or the nearest representable value.
constexpr int64_t SaturatingAdd(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return a > 0 ? INT64_MAX : INT64_MIN;
}

constexpr int64_t SaturatingSubtract(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference)) return difference;
  return a > 0 ? INT64_MAX : INT64_MIN;
}

static_assert(SaturatingAdd(INT64_MAX, 1) == INT64_MAX);
static_assert(SaturatingAdd(INT64_MIN, -1) == INT64_MIN);
static_assert(SaturatingSubtract(0, 5) == -5);
static_assert(SaturatingSubtract(INT64_MIN, 1) == INT64_MIN);

}  // namespace tidemark
