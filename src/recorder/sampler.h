// Poisson sampling by bytes: the gap between two samples is exponential with mean R bytes, so a
// block of s bytes is sampled with probability p = 1 - exp(-s / R), and no choice of allocation
// sizes can hide from it. Worked value: R = 524,288 and s = 64: p = 1.2206e-4; the block stands for
// 8,192.5 blocks and 524,320 bytes. Pure functions; libm is not at hand (libc only), hence the
// series.
#pragma once

#include <stdint.h>

namespace tidemark::recorder {

// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): 64-bit state, period 2^64, any seed.
struct Random {
  uint64_t state = 0;

  uint64_t Next() {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // Uniform in (0, 1], 53 bits.
  double Unit() { return static_cast<double>((Next() >> 11) + 1) * 0x1p-53; }
};

// Natural logarithm of x in (0, 1], relative error below 1e-9: x = m * 2^k with m in [sqrt(1/2),
// sqrt(2)), and ln m = 2 atanh((m - 1) / (m + 1)), |argument| < 0.1716, seven terms.
inline double LogOfUnit(double x) {
  uint64_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  bits = (bits & 0xfffffffffffff) | (uint64_t{1023} << 52);
  double mantissa;
  __builtin_memcpy(&mantissa, &bits, sizeof mantissa);
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5;
    ++exponent;
  }
  const double t = (mantissa - 1) / (mantissa + 1);
  const double t2 = t * t;
  const double series =
      1 +
      t2 * (1.0 / 3 + t2 * (1.0 / 5 + t2 * (1.0 / 7 + t2 * (1.0 / 9 + t2 * (1.0 / 11 + t2 / 13)))));
  return exponent * 0.6931471805599453 + 2 * t * series;
}

// 1 - exp(-x) for x >= 0, relative error below 1e-9: the series for x < 1/16, else by halving (1 -
// e^-2y = d(2 - d)).
inline double OneMinusExp(double x) {
  if (x >= 40) return 1;
  if (x >= 0.0625) {
    const double half = OneMinusExp(x * 0.5);
    return half * (2 - half);
  }
  return x * (1 - x / 2 * (1 - x / 3 * (1 - x / 4 * (1 - x / 5 * (1 - x / 6)))));
}

// Bytes until the next sample, at least 1, mean `interval`; cut at 2^62 so that it stays a count.
inline uint64_t DrawGap(Random* random, double interval) {
  const double gap = -LogOfUnit(random->Unit()) * interval;
  if (gap >= 0x1p62) return uint64_t{1} << 62;
  return static_cast<uint64_t>(gap) + 1;
}

// p for a block of `size` bytes at sampling interval `interval`.
inline double SampleProbability(uint64_t size, double interval) {
  return OneMinusExp(static_cast<double>(size) / interval);
}

// Probability with which a sample taken at `interval` stays when the interval becomes 2 * interval:
// p(2R) / p(R) = 1 / (1 + exp(-s / 2R)).
inline double KeepOnDoubling(uint64_t size, double interval) {
  return 1 / (2 - OneMinusExp(static_cast<double>(size) / (2 * interval)));
}

}  // namespace tidemark::recorder
