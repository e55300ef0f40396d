#include "detect/trough_panel.h"

#include <algorithm>
#include <cmath>

#include "detect/detector_settings.h"

namespace tidemark::detector {
namespace {

constexpr double kTroughNoise = 0.006;  // of the level: least scatter of troughs

struct PanelSums {
  double tt = 0, ty = 0, yy = 0, tx = 0;
  int dof = -1;
  double low = 1e18, high = -1e18;
};

// One life's troughs, [from, to) of the instance's list.
void AddLife(std::span<const Trough> life, PanelSums& sums) {
  if (life.size() < 2) return;
  const double n = static_cast<double>(life.size());
  double mean_t = 0, mean_y = 0, mean_x = 0;
  for (const Trough& trough : life) {
    mean_t += static_cast<double>(trough.block) / n;
    mean_y += trough.level / n;
    mean_x += trough.spans / n;
  }
  for (const Trough& trough : life) {
    const double t = static_cast<double>(trough.block) - mean_t;
    sums.tt += t * t;
    sums.ty += t * (trough.level - mean_y);
    sums.yy += (trough.level - mean_y) * (trough.level - mean_y);
    sums.tx += t * (trough.spans - mean_x);
  }
  sums.dof += static_cast<int>(life.size()) - 1;
  sums.low = std::min(sums.low, static_cast<double>(life.front().block));
  sums.high = std::max(sums.high, static_cast<double>(life.back().block));
}

void AddInstance(const InstanceSeries& instance, int64_t from_block, bool last_life_only,
                 PanelSums& sums) {
  const std::span<const Trough> all = instance.troughs();
  size_t begin = 0;
  while (begin < all.size()) {
    size_t end = begin;
    while (end < all.size() && all[end].life == all[begin].life) ++end;
    size_t first = begin;
    while (first < end && all[first].block <= from_block) ++first;
    if (!last_life_only || all[begin].life == instance.life()) {
      AddLife(all.subspan(first, end - first), sums);
    }
    begin = end;
  }
}

bool LoadExplains(const TroughQuestion& q, const PanelFit& fit, double error, double window) {
  if (q.span_level <= 0 || fit.spans_per_block * window <= kLoadRise * q.span_level) return false;
  const double left = fit.per_block - kElasticity * q.level / q.span_level * fit.spans_per_block;
  return left < 0.3 * fit.per_block || left < 2 * error;
}

}  // namespace

std::optional<PanelFit> FitPanel(std::span<const InstanceSeries* const> instances,
                                 int64_t from_block, bool last_life_only, double level) {
  PanelSums sums;
  for (const InstanceSeries* instance : instances) {
    AddInstance(*instance, from_block, last_life_only, sums);
  }
  if (sums.dof < 4 || sums.tt <= 0) return std::nullopt;
  PanelFit fit;
  fit.per_block = sums.ty / sums.tt;
  const double noise = kTroughNoise * level;
  const double variance =
      std::max(0.0, sums.yy - fit.per_block * sums.ty) / sums.dof + noise * noise;
  fit.error = std::sqrt(variance / sums.tt);
  fit.degrees_of_freedom = sums.dof;
  fit.span_blocks = sums.high - sums.low;
  fit.spans_per_block = sums.tx / sums.tt;
  return fit;
}

std::optional<Trend> FindTroughTrend(const TroughQuestion& q) {
  std::optional<Trend> best;
  for (const int window : kTroughWindows) {
    if (window > q.block - q.born_block) break;
    const auto fit = FitPanel(q.instances, q.block - window, false, q.level);
    if (!fit) continue;
    const double blocks = window;
    const double wander = kWander * q.level / blocks;
    const double error = std::sqrt(fit->error * fit->error + 2 * wander * wander);
    const double z = fit->per_block / error;
    const double min_z = q.min_z > 0 ? q.min_z : kMinZ + (fit->degrees_of_freedom < 8 ? 1.0 : 0.0);
    if (z < min_z || fit->span_blocks < 0.5 * blocks ||
        fit->per_block * kBlocksPerHour <
            std::max(kTroughMinRelPerHour * q.level, kMinBytesPerHour) ||
        fit->per_block * blocks < kTroughMinGrowthShare * q.level) {
      continue;
    }
    if (LoadExplains(q, *fit, error, blocks)) continue;
    const auto from = static_cast<int64_t>(std::floor(static_cast<double>(q.block) - 0.6 * blocks));
    const auto late = FitPanel(q.instances, from, false, q.level);
    if (!late || late->per_block < 0.4 * fit->per_block) continue;  // no longer rising
    if (!best || z > best->z) {
      best = Trend{z, window, fit->per_block, error, q.block - window, true};
    }
  }
  return best;
}

}  // namespace tidemark::detector
