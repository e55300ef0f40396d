#include "detect/pod_growth.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <utility>

#include "detect/detector_settings.h"
#include "detect/least_squares.h"
#include "detect/trough_panel.h"

namespace tidemark::detector {
namespace {

constexpr std::array<int, 3> kPodWindows{12, 24, 48};
constexpr double kAboveYoungPeers =
    1.12;  // level over the peers' median, for a pod whose start was seen

struct Rise {
  double per_block = 0;
  const InstanceSeries* instance = nullptr;
};

std::vector<const InstanceSeries*> Others(const std::vector<const InstanceSeries*>& all,
                                          const InstanceSeries* one) {
  std::vector<const InstanceSeries*> others;
  for (const InstanceSeries* instance : all) {
    if (instance != one) others.push_back(instance);
  }
  return others;
}

// The pod's path less the pooled path, its own share of the pool taken out (`pods` share it).
struct RelativePath {
  std::vector<int64_t> blocks;
  std::vector<double> path, spans;
};

RelativePath PathAgainstPeers(const VersionPath& pool, const InstanceSeries& pod, size_t pods) {
  RelativePath relative;
  const double own_share = static_cast<double>(pods) / (static_cast<double>(pods) - 1);
  const BlockRecord* before = nullptr;
  double pool_before = 0, sum = 0;
  size_t at = 0;
  for (const BlockRecord& record : pod.records()) {
    const int64_t block = pod.BlockOf(record);
    while (at < pool.size() && pool.blocks()[at] < block) ++at;
    if (at == pool.size() || pool.blocks()[at] != block) continue;
    const double pool_now = pool.heap()[at];
    if (before && record.life == before->life && block == pod.BlockOf(*before) + 1 &&
        record.credited) {
      const double change = static_cast<double>(record.level) - before->level;
      sum += (change - (pool_now - pool_before)) * own_share;
    }
    relative.blocks.push_back(block);
    relative.path.push_back(sum);
    relative.spans.push_back(record.spans);
    before = &record;
    pool_before = pool_now;
  }
  return relative;
}

std::optional<Trend> TrendAgainstPeers(const VersionQuestion& q, const InstanceSeries& pod,
                                       size_t pods) {
  const RelativePath relative = PathAgainstPeers(*q.path, pod, pods);
  if (relative.path.empty()) return std::nullopt;
  return FindTrend({.blocks = relative.blocks,
                    .path = relative.path,
                    .covariates = {{relative.spans, q.path->span_level()}},
                    .level = q.path->heap_level(),
                    .min_z = kPodMinZ,
                    .min_rel_per_hour = kPodMinRelPerHour,
                    .min_per_hour = kMinBytesPerHour,
                    .min_window = 8,
                    .cold_window = q.path->collects() ? kColdWindow : 18,
                    .always_cold = pod.joined()});
}

// Slow collection cycles: its own troughs rise, and those of its peers do not.
std::optional<Trend> TroughsAgainstPeers(const VersionQuestion& q, const InstanceSeries& pod,
                                         const std::vector<const InstanceSeries*>& siblings) {
  const auto trend = FindTroughTrend({.instances = {&pod},
                                      .block = q.block,
                                      .born_block = q.path->born_block(),
                                      .level = q.path->heap_level(),
                                      .span_level = q.path->span_level(),
                                      .min_z = kPodMinZ});
  if (!trend) return std::nullopt;
  const auto rest = FitPanel(Others(siblings, &pod), std::numeric_limits<int64_t>::min(), true,
                             q.path->heap_level());
  if (!rest || rest->per_block >= 0.3 * trend->per_block) return std::nullopt;
  return trend;
}

double MedianLevel(const std::vector<Rise>& rises, const InstanceSeries* without) {
  std::vector<double> levels;
  for (const Rise& rise : rises) {
    if (rise.instance != without) levels.push_back(rise.instance->level());
  }
  return MedianInPlace(levels);
}

// The steepest instance when it stands out of its peers by enough bytes, else nullptr.
const InstanceSeries* StandsOut(const VersionQuestion& q, std::vector<Rise> rises, int window) {
  const double level = q.path->heap_level();
  std::stable_sort(rises.begin(), rises.end(),
                   [](const Rise& a, const Rise& b) { return a.per_block < b.per_block; });
  const double median = rises[(rises.size() - 1) / 2].per_block;
  const Rise& top = rises.back();
  const double lead = top.per_block - median;
  if (lead * kBlocksPerHour < std::max(kPodMinRelPerHour * level, kMinBytesPerHour) ||
      lead * window < kPodMinGrowthShare * level) {
    return nullptr;
  }
  const bool young = top.instance->joined();
  if (young && top.instance->level() < kAboveYoungPeers * MedianLevel(rises, top.instance)) {
    return nullptr;  // a young pod on its way to its peers' level
  }
  return top.instance;
}

}  // namespace

std::optional<Finding> FindGrowingPod(const VersionQuestion& q) {
  std::vector<const InstanceSeries*> siblings;
  for (const InstanceSeries* instance : q.instances) {
    if (instance->last_block() >= q.block - 1) siblings.push_back(instance);
  }
  if (siblings.size() < 2) return std::nullopt;
  std::optional<Finding> best;
  for (const int window : kPodWindows) {
    std::vector<Rise> rises;
    for (const InstanceSeries* instance : siblings) {
      const auto rise = instance->RisePerBlock(ColumnOf(Channel::kHeap, q.by_troughs),
                                               static_cast<size_t>(window));
      if (rise) rises.push_back({*rise, instance});
    }
    if (rises.size() < 2) continue;
    const InstanceSeries* pod = StandsOut(q, rises, window);
    if (!pod) continue;
    const auto trend = q.by_troughs ? TroughsAgainstPeers(q, *pod, siblings)
                                    : TrendAgainstPeers(q, *pod, rises.size());
    if (trend && (!best || trend->z > best->trend.z)) best = Finding{Channel::kHeap, *trend, pod};
  }
  return best;
}

}  // namespace tidemark::detector
