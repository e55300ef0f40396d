#include "detect/stack_rules.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <span>

#include "detect/least_squares.h"

namespace tidemark {
namespace {

constexpr double kMiB = 1 << 20;
constexpr double kSecondsPerHour = 3600;
constexpr double kMinZ = 5;
constexpr double kSamplingSigmas = 6;
constexpr double kMaxIntervalShare = 0.4;
constexpr double kMinSlopeRatio = 0.6;
constexpr double kMinTailRatio = 0.4;
constexpr double kMinRetained = 0.7;
constexpr double kOverGivenBack = 1.5;
constexpr double kSaturationTauS = 9000;
constexpr double kSaturationSigmas = 2;
constexpr double kMinLoadRise = 0.1;
constexpr double kModelError = 0.05;  // of the slope: growth is never exactly linear

struct LevelRules {
  size_t min_points;
  double min_window_s, min_growth_bytes, min_share_per_minute, min_share, min_spread;
};
constexpr LevelRules kFastRules{6, 25, 24 * kMiB, 0.05, 0, 0.3};
constexpr LevelRules kSlowRules{20, 600, 16 * kMiB, 0, 0.03, 0.1};

// A window of the path, [first, end of path).
struct Window {
  std::span<const double> time_s, inuse;
  size_t first = 0;
  double length_s() const { return time_s.back() - time_s.front(); }
};

Window From(const StackPath& path, size_t first) {
  return {std::span(path.time_s).subspan(first), std::span(path.inuse).subspan(first), first};
}

struct Slope {
  double value = 0, error = 0;  // bytes per second
  double residual_variance = 0;
};

std::optional<Slope> FitSlope(std::span<const double> time_s, std::span<const double> y) {
  if (y.size() < 3) return std::nullopt;
  const std::vector<double> ones(y.size(), 1.0);
  const std::array<std::span<const double>, 2> columns{ones, time_s};
  const auto fit = FitLeastSquares(columns, y);
  if (!fit) return std::nullopt;
  const ResidualNoise noise = EstimateNoise(fit->residual, 2);
  return Slope{fit->coefficient[1],
               std::sqrt(std::max(0.0, fit->inverse[1][1] * noise.variance * noise.inflation)),
               noise.variance};
}

// Slopes of both halves of a window, from the broken line a + b t + d max(0, t - middle).
struct Halves {
  double first = 0, second = 0;
  double ratio = 0, ratio_error = 0;
  double contrast =
      0;  // (second - r0 first) in standard errors; r0: what the slowest saturation leaves
};

// `walk`: variance that sampling alone adds to the growth over the whole window, as a random walk;
// a half's slope gets 2.4 walk / T^2 of it.
std::optional<Halves> CompareHalves(const Window& window, double walk) {
  const size_t n = window.inuse.size();
  const double middle = 0.5 * (window.time_s.front() + window.time_s.back());
  const std::vector<double> ones(n, 1.0);
  std::vector<double> late(n);
  for (size_t i = 0; i < n; ++i) late[i] = std::max(0.0, window.time_s[i] - middle);
  const std::array<std::span<const double>, 3> columns{ones, window.time_s, late};
  const auto fit = FitLeastSquares(columns, window.inuse);
  if (!fit) return std::nullopt;
  const ResidualNoise noise = EstimateNoise(fit->residual, 3);
  const double scale = noise.variance * noise.inflation;
  const double var_b = fit->inverse[1][1], cov = fit->inverse[1][2], var_d = fit->inverse[2][2];
  Halves halves;
  halves.first = fit->coefficient[1];
  halves.second = fit->coefficient[1] + fit->coefficient[2];
  // Growth that only began in the second half has no ratio worth the name: call it 100.
  halves.ratio = halves.second > 0 && halves.first < 0.01 * halves.second
                     ? 100
                     : halves.second / std::max(halves.first, 1e-9);
  const auto error_of = [&](double k) {  // standard error of second - k * first
    const double a = 1 - k;
    const double fitted = (a * a * var_b + 2 * a * cov + var_d) * scale;
    const double walked = 2.4 * walk * (1 + k * k) / (window.length_s() * window.length_s());
    return std::sqrt(std::max(1e-30, fitted + walked));
  };
  halves.ratio_error = error_of(halves.ratio) / std::max(std::abs(halves.first), 1e-9);
  const double r0 = std::exp(-window.length_s() / (2 * kSaturationTauS));
  halves.contrast = (halves.second - r0 * halves.first) / error_of(r0);
  return halves;
}

// Index of the last point before growth: least residue of a + b max(0, t - t0) over all t0.
size_t FindOnset(const StackPath& path) {
  const size_t n = path.inuse.size();
  const std::vector<double> ones(n, 1.0);
  std::vector<double> hinge(n);
  size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (size_t k = 0; k + kFastRules.min_points <= n; ++k) {
    for (size_t i = 0; i < n; ++i) hinge[i] = std::max(0.0, path.time_s[i] - path.time_s[k]);
    const std::array<std::span<const double>, 2> columns{ones, hinge};
    const auto fit = FitLeastSquares(columns, path.inuse);
    if (!fit || fit->coefficient[1] <= 0) continue;
    double residue = 0;
    for (const double r : fit->residual) residue += r * r;
    if (residue < least * (1 - 1e-9)) {
      least = residue;
      best = k;
    }
  }
  return best;
}

// The most the stack ever gave back up to the window's start: greatest fall from a peak before it.
double GivenBack(const StackPath& path, size_t first) {
  double peak = 0, fall = 0;
  for (size_t i = 0; i <= first; ++i) {
    peak = std::max(peak, path.inuse[i]);
    fall = std::max(fall, peak - path.inuse[i]);
  }
  return fall;
}

// No interval carries over 40 %, and the growth is spread: the effective number of intervals that
// carry it, (sum d)^2 / sum d^2 over the rises d, is at least 3.5 and at least `share` of all.
// Three loads in 20 intervals: 3.
bool GrowthIsSpread(const Window& window, double growth, double share) {
  double sum = 0, squares = 0;
  for (size_t i = 1; i < window.inuse.size(); ++i) {
    const double rise = std::max(0.0, window.inuse[i] - window.inuse[i - 1]);
    if (rise > kMaxIntervalShare * growth) return false;
    sum += rise;
    squares += rise * rise;
  }
  const double intervals = static_cast<double>(window.inuse.size() - 1);
  return squares > 0 && sum * sum / squares >= std::max(3.5, share * intervals);
}

bool TailStillGrows(const Window& window, double slope) {
  const size_t n = window.inuse.size();
  const size_t tail = std::max<size_t>(4, n / 5);
  if (tail >= n) return true;
  const auto fit = FitSlope(window.time_s.subspan(n - tail), window.inuse.subspan(n - tail));
  return fit && fit->value >= kMinTailRatio * slope;
}

double RetainedShare(const StackPath& path, size_t first, double growth) {
  if (path.alloc.empty()) return -1;
  const double allocated = path.alloc.back() - path.alloc[first];
  return allocated > 0 ? std::clamp(growth / allocated, 0.0, 1.0) : -1;
}

// Bytes that came and went in the window: allocations plus frees where known, else the growth
// alone.
double Turnover(const StackPath& path, size_t first, double growth) {
  if (path.alloc.empty()) return growth;
  return std::max(growth, 2 * (path.alloc.back() - path.alloc[first]) - growth);
}

bool LinkedBytesGrow(const StackPath& path, size_t first, double growth) {
  if (path.linked.empty()) return false;
  const size_t last = path.linked.size() - 1, middle = first + (last - first) / 2;
  const double all = path.linked[last] - path.linked[first];
  const double late = path.linked[last] - path.linked[middle];
  return all >= 0.5 * growth && late >= 0.25 * all;
}

// Each third of the window grows by 0.5 to 1.7 times the mean bytes per request, give or take 3
// sampling errors. Working memory that follows a traffic ramp fails: it goes with the rate, not
// with the count.
bool SameBytesPerRequest(const StackPath& path, size_t first, double growth, double sigma) {
  if (path.requests.empty()) return false;
  const size_t n = path.requests.size() - first;
  const double served = path.requests.back() - path.requests[first];
  if (n < kFastRules.min_points || served < 100) return false;
  const double mean = growth / served;
  for (size_t part = 0; part < 3; ++part) {
    const size_t a = first + part * (n - 1) / 3, b = first + (part + 1) * (n - 1) / 3;
    const double requests = path.requests[b] - path.requests[a];
    const double grown = path.inuse[b] - path.inuse[a];
    const double slack = 3 * sigma / std::sqrt(3.0);
    if (requests <= 0 || grown + slack < 0.5 * mean * requests ||
        grown - slack > 1.7 * mean * requests) {
      return false;
    }
  }
  return true;
}

// Load guard: where the request rate rose by over 10 % in the window, the level at its start may
// rise in proportion; of the growth, half must be left. Working memory on a traffic ramp leaves
// nothing.
bool LoadExplainsIt(const StackPath& path, const Window& window, double growth) {
  if (path.requests.empty()) return false;
  const size_t last = path.requests.size() - 1, first = window.first, third = (last - first) / 3;
  const auto rate = [&](size_t a, size_t b) {
    return (path.requests[b] - path.requests[a]) / (path.time_s[b] - path.time_s[a]);
  };
  if (third == 0) return false;
  const double early = rate(first, first + third), late = rate(last - third, last);
  const double rise = early > 0 ? 1.5 * (late - early) / early : 0;
  return rise > kMinLoadRise && growth - rise * window.inuse.front() < 0.5 * growth;
}

bool IsMaterial(const StackPath& path, const LevelRules& rules, double window_s, double growth,
                double sampling_error) {
  const double others = std::max(0.0, path.process_bytes - growth);
  return growth >= rules.min_growth_bytes && growth >= kSamplingSigmas * sampling_error &&
         growth >= rules.min_share_per_minute * others * window_s / 60 &&
         growth >= rules.min_share * others;
}

double Confidence(const GrowingStack& stack, double window_s) {
  const double by_z = 1 - std::exp(-stack.z / 4);
  if (stack.level == GrowthLevel::kSlow) return 0.95 * by_z;
  const double cap = stack.evidence == RequestEvidence::kEndedSpans ? 0.98 : 0.92;
  return cap * by_z * (1 - std::exp(-window_s / 15));
}

std::optional<GrowingStack> JudgeWindow(const StackPath& path, const Window& window,
                                        GrowthLevel level) {
  const LevelRules& rules = level == GrowthLevel::kFast ? kFastRules : kSlowRules;
  const double length_s = window.inuse.empty() ? 0 : window.length_s();
  if (window.inuse.size() < rules.min_points || length_s < rules.min_window_s) return std::nullopt;
  const double growth = window.inuse.back() - window.inuse.front();
  const double sampling_error = std::sqrt(
      SamplingVariance(path.inuse.back(), path.object_bytes, path.period_bytes) / path.instances);
  if (!IsMaterial(path, rules, length_s, growth, sampling_error)) return std::nullopt;
  const auto slope = FitSlope(window.time_s, window.inuse);
  if (!slope || slope->value <= 0) return std::nullopt;
  // Sampled objects come and go as a random walk of the estimate: its slope over T has variance 6/5
  // walk / T^2.
  const double walk =
      SamplingVariance(Turnover(path, window.first, growth), path.object_bytes, path.period_bytes) /
      path.instances;
  const double error = std::hypot(slope->error, std::sqrt(1.2 * walk) / length_s);
  const auto halves = CompareHalves(window, walk);
  if (!halves) return std::nullopt;

  GrowingStack found;
  found.z = error > 0 ? std::min(slope->value / error, 1000.0) : 1000.0;
  found.slope_ratio = halves->ratio;
  found.slope_ratio_error = halves->ratio_error;
  found.retained_share = RetainedShare(path, window.first, growth);
  if (found.z < kMinZ || halves->ratio < kMinSlopeRatio ||
      !GrowthIsSpread(window, growth, rules.min_spread) || !TailStillGrows(window, slope->value) ||
      (found.retained_share >= 0 && found.retained_share < kMinRetained) ||
      growth < kOverGivenBack * GivenBack(path, window.first)) {
    return std::nullopt;
  }
  if (LinkedBytesGrow(path, window.first, growth)) {
    found.evidence = RequestEvidence::kEndedSpans;
  } else if (SameBytesPerRequest(path, window.first, growth, sampling_error)) {
    found.evidence = RequestEvidence::kPerRequest;
  }
  if (level == GrowthLevel::kFast && found.evidence == RequestEvidence::kNone) return std::nullopt;
  if (found.evidence != RequestEvidence::kEndedSpans && LoadExplainsIt(path, window, growth)) {
    return std::nullopt;
  }
  if (level == GrowthLevel::kSlow && halves->contrast < kSaturationSigmas) return std::nullopt;

  found.level = level;
  found.growth_bytes = growth;
  const double half_width = 2 * error + kModelError * slope->value;
  found.growth_bytes_per_hour = {slope->value * kSecondsPerHour,
                                 (slope->value - half_width) * kSecondsPerHour,
                                 (slope->value + half_width) * kSecondsPerHour};
  const auto at = [&](double s) { return path.origin_ns + static_cast<int64_t>(s * 1e9); };
  found.window_start_ns = found.onset_ns = at(window.time_s.front());
  found.window_end_ns = at(window.time_s.back());
  if (!path.requests.empty()) {
    const double served = path.requests.back() - path.requests[window.first];
    if (served > 0) found.bytes_per_request = growth / served;
  }
  found.inuse_bytes = path.inuse.back();
  found.inuse_objects = path.objects;
  found.confidence = Confidence(found, length_s);
  return found;
}

}  // namespace

std::optional<GrowingStack> JudgeStackPath(const StackPath& path) {
  const size_t n = path.inuse.size();
  if (n < kFastRules.min_points) return std::nullopt;
  const size_t onset = FindOnset(path);
  const size_t rest = n - onset;
  const std::array<size_t, 5> begins{onset, onset + rest / 4, onset + rest / 2,
                                     onset + rest * 2 / 3, onset + rest * 3 / 4};
  for (const GrowthLevel level : {GrowthLevel::kFast, GrowthLevel::kSlow}) {
    for (const size_t begin : begins) {
      if (auto found = JudgeWindow(path, From(path, begin), level)) return found;
    }
  }
  return std::nullopt;
}

double SlopeSince(const StackPath& path, int64_t from_ns) {
  const double from_s = static_cast<double>(from_ns - path.origin_ns) * 1e-9 - 1e-6;
  const auto begin = std::lower_bound(path.time_s.begin(), path.time_s.end(), from_s);
  const size_t first = static_cast<size_t>(begin - path.time_s.begin());
  const auto slope =
      FitSlope(std::span(path.time_s).subspan(first), std::span(path.inuse).subspan(first));
  return slope ? slope->value : 0;
}

}  // namespace tidemark
