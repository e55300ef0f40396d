#include "detect/trend.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "detect/detector_settings.h"
#include "detect/least_squares.h"
#include "detect/saturation.h"

namespace tidemark::detector {
namespace {

constexpr size_t kMinHistory = 12;   // blocks, else the window is fitted alone
constexpr size_t kFlatHistory = 36;  // blocks, from which the history shows any slow wander

using Column = std::vector<double>;
using ColumnSpan = std::span<const double>;

// Regressors of one window with the history before it; rows [history, then window].
struct Frame {
  size_t begin = 0;                // first row in the path
  size_t history = 0;              // rows before the window
  size_t window = 0;               // rows of the window
  Column ones, time, hinge;        // time in blocks, 0 at the window's start
  std::vector<Column> covariates;  // 0 at `begin`
  ColumnSpan y;
};

Frame MakeFrame(const TrendQuestion& q, size_t window) {
  const size_t rows = q.path.size(), start = rows - window;
  Frame frame;
  frame.window = window;
  frame.history = std::min(start, kHistoryBlocks);
  if (frame.history < kMinHistory) frame.history = 0;
  frame.begin = start - frame.history;
  frame.y = q.path.subspan(frame.begin);
  frame.ones.assign(frame.y.size(), 1.0);
  frame.time.reserve(frame.y.size());
  frame.hinge.reserve(frame.y.size());
  for (size_t i = frame.begin; i < rows; ++i) {
    const double t = static_cast<double>(q.blocks[i] - q.blocks[start]);
    frame.time.push_back(t);
    frame.hinge.push_back(std::max(0.0, t));
  }
  for (const Covariate& covariate : q.covariates) {
    Column column(covariate.path.begin() + static_cast<std::ptrdiff_t>(frame.begin),
                  covariate.path.end());
    const double origin = column.front();
    for (double& value : column) value -= origin;
    frame.covariates.push_back(std::move(column));
  }
  return frame;
}

// y = a + covariates + slope * hinge.
std::optional<LinearFit> FitHinge(const Frame& frame) {
  std::array<ColumnSpan, kMaxTerms> columns;
  size_t count = 0;
  columns[count++] = frame.ones;
  for (const Column& covariate : frame.covariates) columns[count++] = covariate;
  columns[count++] = frame.hinge;
  return FitLeastSquares({columns.data(), count}, frame.y);
}

struct Candidate {
  size_t window = 0;
  double slope = 0, error = 0, z = 0;
  double likelihood = 0;  // slope over its white-noise error
  double variance = 0, floor = 0;
  std::array<double, kMaxTerms> weight{};  // of the covariates
};

double WanderVariance(const TrendQuestion& q) {
  return 2 * (kWander * q.level) * (kWander * q.level) / std::max(1.0, q.instances);
}

double Mean(ColumnSpan values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

// White-noise scale of the path from its differences, as 0.74 robust standard deviations (1 / sqrt
// 2, and a margin).
double DifferenceScale(ColumnSpan path) {
  Column differences;
  for (size_t i = 1; i < path.size(); ++i) differences.push_back(std::abs(path[i] - path[i - 1]));
  return 0.74 * 1.4826 * MedianInPlace(differences);
}

// Computed when first asked for: most paths are flat and never ask.
class LazyScale {
 public:
  explicit LazyScale(ColumnSpan path) : path_(path) {}
  double Get() {
    if (value_ < 0) value_ = DifferenceScale(path_);
    return value_;
  }

 private:
  ColumnSpan path_;
  double value_ = -1;
};

// Cheap: could this window pass at all?
bool PassesScreen(const TrendQuestion& q, size_t window, LazyScale& scale) {
  const size_t rows = q.path.size(), start = rows - window;
  const double blocks = static_cast<double>(window);
  if (static_cast<double>(q.blocks.back() - q.blocks[start]) > blocks * 1.5) return false;
  const size_t edge = std::max<size_t>(1, window / 5);
  const double rise = Mean(q.path.subspan(rows - edge, edge)) - Mean(q.path.subspan(start, edge));
  const double hours = blocks / kBlocksPerHour;
  const double material = std::max(
      {q.min_rel_per_hour * q.level * hours, kMinGrowthShare * q.level, q.min_per_hour * hours});
  return rise >= 0.5 * material &&
         rise >= 0.5 * q.min_z * scale.Get() * std::sqrt(2.0 / static_cast<double>(edge));
}

std::optional<Candidate> FitCandidate(const TrendQuestion& q, size_t window) {
  const Frame frame = MakeFrame(q, window);
  const auto fit = FitHinge(frame);
  if (!fit) return std::nullopt;
  const size_t last = fit->terms - 1;
  const ResidualNoise noise = EstimateNoise(fit->residual, fit->terms);
  Candidate c;
  c.window = window;
  c.slope = fit->coefficient[last];
  c.variance = noise.variance;
  c.floor = (kNoiseFloor * q.level) * (kNoiseFloor * q.level);
  const double blocks = static_cast<double>(window);
  const double white = fit->inverse[last][last] * (c.variance + c.floor);
  const double wander = frame.history >= kFlatHistory ? 0 : WanderVariance(q) / (blocks * blocks);
  c.error = std::sqrt(white * noise.inflation + 1.2 * q.walk_variance / blocks + wander);
  c.z = c.slope / c.error;
  c.likelihood = c.slope / std::sqrt(white);
  for (size_t i = 0; i < frame.covariates.size(); ++i) c.weight[i] = fit->coefficient[i + 1];
  return c;
}

// Slope of `y` on time over the same rows.
std::optional<double> SlopeOf(ColumnSpan time, ColumnSpan y) {
  const Column ones(y.size(), 1.0);
  const std::array<ColumnSpan, 2> columns{ones, time};
  const auto fit = FitLeastSquares(columns, y);
  if (!fit) return std::nullopt;
  return fit->coefficient[1];
}

// Range of a path smoothed over three rows.
double SmoothedRange(ColumnSpan path) {
  double low = 1e300, high = -1e300;
  for (size_t i = 0; i + 2 < path.size(); ++i) {
    const double value = (path[i] + path[i + 1] + path[i + 2]) / 3;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  return high - low;
}

// Where a load climbs through the window it is granted an elasticity: memory may rise by 60 % of
// what the load does in proportion. If the history already went through that range of load, the
// joint fit is trusted more, with a margin since noisy loads weaken a fit.
bool LoadExplains(const TrendQuestion& q, const Frame& frame, const Candidate& c) {
  const ColumnSpan time = ColumnSpan(frame.time).subspan(frame.history);
  const double blocks = static_cast<double>(c.window);
  for (size_t i = 0; i < q.covariates.size(); ++i) {
    const double level = q.covariates[i].level;
    if (level <= 0) continue;
    const ColumnSpan load = frame.covariates[i];
    const auto climb = SlopeOf(time, load.subspan(frame.history));
    if (!climb) continue;
    const double rise = *climb * blocks / std::max(level - 0.5 * *climb * blocks, 0.25 * level);
    if (rise <= kLoadRise) continue;
    const double per_load = q.level / level * *climb;
    if (frame.history >= 24 && SmoothedRange(load.first(frame.history)) > 0.6 * *climb * blocks) {
      if (c.slope - kElasticityFitted * per_load < 0.4 * c.slope) return true;
      continue;
    }
    const auto raw = SlopeOf(time, frame.y.subspan(frame.history));
    if (!raw) return true;
    const double left = *raw - kElasticity * per_load;
    if (left < 0.3 * c.slope || left < 2 * c.error) return true;
  }
  return false;
}

Column TakeLoadOut(const Frame& frame, const Candidate& c) {
  Column y(frame.y.begin(), frame.y.end());
  for (size_t k = 0; k < frame.covariates.size(); ++k) {
    for (size_t i = 0; i < y.size(); ++i) y[i] -= c.weight[k] * frame.covariates[k][i];
  }
  return y;
}

// A history as long as the window (at least 12 blocks) that rose less than a third as fast.
bool HasFlatHistory(const Frame& frame, const Candidate& c, ColumnSpan unloaded) {
  if (frame.history < kMinHistory) return false;
  const size_t rows = std::min(frame.history, std::max<size_t>(kMinHistory, c.window));
  Column time(rows);
  for (size_t i = 0; i < rows; ++i) time[i] = static_cast<double>(i);
  const auto slope = SlopeOf(time, unloaded.subspan(frame.history - rows, rows));
  return slope && *slope < 0.33 * c.slope;
}

Column After(ColumnSpan time, double middle) {
  Column late;
  for (const double t : time) late.push_back(std::max(0.0, t - middle));
  return late;
}

// Saturation within the last `rows` of the window alone.
std::optional<Saturation> SaturationOfSuffix(const TrendQuestion& q, const Frame& frame,
                                             const Candidate& c, ColumnSpan unloaded, size_t rows,
                                             double tau_s) {
  const ColumnSpan time = ColumnSpan(frame.time).last(rows);
  const Column late = After(time, time[rows / 2]);
  return TestSaturation({.rise = time,
                         .late = late,
                         .y = unloaded.last(rows),
                         .window_blocks = static_cast<double>(rows),
                         .tau_s = tau_s,
                         .variance = c.variance,
                         .floor = c.floor,
                         .walk_variance = q.walk_variance,
                         .wander_variance = WanderVariance(q)});
}

// The same with the flat history anchoring where the growth starts.
std::optional<Saturation> SaturationFromHistory(const TrendQuestion& q, const Frame& frame,
                                                const Candidate& c, ColumnSpan unloaded,
                                                double tau_s) {
  const Column late = After(frame.time, frame.time[frame.history + c.window / 2]);
  return TestSaturation({.rise = frame.hinge,
                         .late = late,
                         .y = unloaded,
                         .window_blocks = static_cast<double>(c.window),
                         .tau_s = tau_s,
                         .variance = c.variance,
                         .floor = c.floor,
                         .walk_variance = q.walk_variance});
}

double ContrastNeeded(const TrendQuestion& q, bool cold, size_t window) {
  if (q.min_contrast_z > 0) return q.min_contrast_z;
  if (!cold) return kMinContrastMature;
  return window >= 24 ? kMinContrastCold : kMinContrastCold + 0.5;
}

bool Saturates(const TrendQuestion& q, const Frame& frame, const Candidate& c, ColumnSpan unloaded,
               bool mature) {
  const bool cold = q.always_cold || !mature;
  const double tau_s = cold ? kTauColdS : kTauMatureS;
  const auto whole = mature ? SaturationFromHistory(q, frame, c, unloaded, tau_s)
                            : SaturationOfSuffix(q, frame, c, unloaded, c.window, tau_s);
  if (!whole || whole->contrast_z < ContrastNeeded(q, cold, c.window) ||
      whole->late_z < kMinLateZ) {
    return true;
  }
  for (const double part : {0.8, 0.65, 0.5}) {  // a flat lead-in would hide a plateau
    const auto rows = static_cast<size_t>(static_cast<double>(c.window) * part);
    if (rows < 6) break;
    const auto suffix = SaturationOfSuffix(q, frame, c, unloaded, rows, tau_s);
    if (suffix && (suffix->contrast_z < kMinSuffixContrast || suffix->late_z < kMinSuffixLateZ)) {
      return true;
    }
  }
  return false;
}

double JumpAt(ColumnSpan window, size_t i) { return window[i] - window[i - 2]; }

// The largest rise within 10 minutes, at least 3 blocks away from `not_near`; its last row. 0: the
// window is too short.
size_t LargestJump(ColumnSpan window, size_t not_near) {
  size_t best = 0;
  for (size_t i = 2; i < window.size(); ++i) {
    if (not_near > 0 && i < not_near + 3 && not_near < i + 3) continue;
    if (best == 0 || JumpAt(window, i) > JumpAt(window, best)) best = i;
  }
  return best;
}

// One jump carries the growth of a short window, or two that of any: a deploy, lazy loads, a tenant
// moving in.
bool IsStaircase(const Candidate& c, ColumnSpan window, double scale) {
  const double blocks = static_cast<double>(c.window);
  const double growth = c.slope * blocks;
  const size_t first = LargestJump(window, 0);
  if (first == 0) return false;
  const double jump = JumpAt(window, first);
  if (c.window <= 18) return jump - 4 * scale > (2.0 / blocks + kJumpShare) * growth;
  const size_t second = LargestJump(window, first);
  return second > 0 &&
         jump + JumpAt(window, second) - 8 * scale > (4.0 / blocks + kStairShare) * growth;
}

bool IsMaterial(const TrendQuestion& q, const Candidate& c) {
  return c.slope * kBlocksPerHour >= std::max(q.min_rel_per_hour * q.level, q.min_per_hour) &&
         c.slope * static_cast<double>(c.window) >= kMinGrowthShare * q.level;
}

// Growth that made of the level 2.5 times what it was is no collection cycle and no cache: it need
// not wait.
bool MustWait(const TrendQuestion& q, const Candidate& c, bool mature) {
  if (mature || static_cast<int>(c.window) >= q.cold_window) return false;
  return c.slope * static_cast<double>(c.window) < 0.6 * q.level || c.window < 8;
}

std::optional<Trend> JudgeCandidate(const TrendQuestion& q, const Candidate& c, double scale) {
  if (static_cast<int>(c.window) < q.min_window || c.z < q.min_z || !IsMaterial(q, c)) {
    return std::nullopt;
  }
  const Frame frame = MakeFrame(q, c.window);
  if (LoadExplains(q, frame, c)) return std::nullopt;
  const Column unloaded = TakeLoadOut(frame, c);
  const bool mature = HasFlatHistory(frame, c, unloaded);
  if (MustWait(q, c, mature) || Saturates(q, frame, c, unloaded, mature) ||
      IsStaircase(c, ColumnSpan(unloaded).subspan(frame.history), scale)) {
    return std::nullopt;
  }
  return Trend{c.z, static_cast<int>(c.window), c.slope, c.error, 0, mature};
}

// The looked-back windows are coarse: try every block between the neighbours of the best one.
int64_t RefineOnset(const TrendQuestion& q, size_t window) {
  const size_t rows = q.path.size();
  const size_t longest = std::min(rows - 1, window + window / 4), step = 1 + window / 24;
  size_t best = window;
  double most = 0;
  for (size_t w = std::max<size_t>(5, window - window / 4); w <= longest; w += step) {
    const auto c = FitCandidate(q, w);
    if (c && c->likelihood > most) {
      most = c->likelihood;
      best = w;
    }
  }
  return q.blocks[rows - best];
}

}  // namespace

std::optional<Trend> FindTrend(const TrendQuestion& q) {
  std::vector<Candidate> candidates;
  LazyScale scale(q.path);
  for (const int window : kWindows) {
    const auto rows = static_cast<size_t>(window);
    if (rows + 1 > q.path.size()) break;
    if (!PassesScreen(q, rows, scale)) continue;
    if (const auto candidate = FitCandidate(q, rows)) candidates.push_back(*candidate);
  }
  if (candidates.empty()) return std::nullopt;
  const auto likeliest = std::max_element(
      candidates.begin(), candidates.end(),
      [](const Candidate& a, const Candidate& b) { return a.likelihood < b.likelihood; });
  for (auto c = likeliest;; --c) {
    if (auto trend = JudgeCandidate(q, *c, scale.Get())) {
      trend->onset_block = RefineOnset(q, likeliest->window);
      return trend;
    }
    if (c == candidates.begin()) return std::nullopt;
  }
}

}  // namespace tidemark::detector
