#include "detect/version_judge.h"

#include <algorithm>
#include <span>

#include "detect/detector_settings.h"
#include "detect/least_squares.h"
#include "detect/pod_growth.h"
#include "detect/trough_panel.h"

namespace tidemark::detector {
namespace {

constexpr size_t kMinPathBlocks = 6;
constexpr int kNever = 999;  // blocks: longer than any window

double RecentContributors(const VersionPath& path) {
  double sum = 0;
  const auto all = path.contributors();
  for (const int count : all.last(std::min<size_t>(6, all.size()))) sum += count;
  return sum / 6;
}

TrendQuestion HeapQuestion(const VersionPath& path) {
  return {.blocks = path.blocks(),
          .path = path.heap(),
          .covariates = {{path.spans(), path.span_level()}, {path.rate(), path.rate_level()}},
          .level = path.heap_level(),
          .min_z = kMinZ,
          .min_rel_per_hour = kMinRelPerHour,
          .min_per_hour = kMinBytesPerHour,
          .min_window = 5,
          .walk_variance = path.turnover_variance(),
          .instances = RecentContributors(path)};
}

std::optional<Trend> HeapTrendByTroughs(const VersionQuestion& q) {
  auto trend = FindTroughTrend({.instances = q.instances,
                                .block = q.block,
                                .born_block = q.path->born_block(),
                                .level = q.path->heap_level(),
                                .span_level = q.path->span_level()});
  if (trend) return trend;
  TrendQuestion question = HeapQuestion(*q.path);
  question.min_window = 18;
  question.cold_window = 36;
  return FindTrend(question);
}

// A runtime that collects may hide an old-generation cycle of an hour or more: until the service
// has been seen for long enough to know, only growth beyond any such cycle counts.
std::optional<Trend> HeapTrend(const VersionQuestion& q) {
  if (q.by_troughs) return HeapTrendByTroughs(q);
  TrendQuestion question = HeapQuestion(*q.path);
  const bool slow_cycle_possible = q.path->collects() && q.seen_elsewhere < kGcCleared;
  if (!slow_cycle_possible || q.block - q.service_born_block >= kGcSeen) {
    question.cold_window = slow_cycle_possible ? kColdWindow : kNativeWindow;
    return FindTrend(question);
  }
  question.cold_window = kNever;
  auto trend = FindTrend(question);
  const bool beyond_any_cycle =
      trend && trend->window >= 8 && trend->per_block * trend->window > 0.6 * q.path->heap_level();
  return beyond_any_cycle ? trend : std::nullopt;
}

std::optional<Trend> RssTrend(const VersionPath& path) {
  TrendQuestion question{.blocks = path.blocks(),
                         .path = path.rss(),
                         .covariates = {{path.heap(), 0}, {path.peak(), 0}},
                         .level = path.rss_level(),
                         .min_z = kRssMinZ,
                         .min_rel_per_hour = kRssMinRelPerHour,
                         .min_per_hour = kMinBytesPerHour,
                         .min_window = kRssWindow,
                         .cold_window = kRssColdWindow,
                         .always_cold = true,
                         .walk_variance = path.turnover_variance(),
                         .instances = RecentContributors(path)};
  if (!path.has_heap()) {  // the level is the RSS itself: only load can explain it
    question.covariates = {{path.spans(), path.span_level()}, {path.rate(), path.rate_level()}};
  }
  return FindTrend(question);
}

std::optional<Trend> SpanTrend(const VersionPath& path) {
  const double share = path.heap_level() > 0 ? path.span_level() / path.heap_level() : 0;
  return FindTrend({.blocks = path.blocks(),
                    .path = path.spans(),
                    .covariates = {{path.rate(), 0}},
                    .level = std::max(path.span_level(), 1.0),
                    .min_z = kMinZ,
                    .min_rel_per_hour = kSpanMinRelPerHour,
                    .min_window = kSpanWindow,
                    .cold_window = kSpanWindow,
                    .always_cold = true,
                    .walk_variance = path.turnover_variance() * share * share * 4,
                    .min_contrast_z = kSpanMinContrast});
}

// With three instances or more, most of them must grow by themselves.
bool MostInstancesGrow(const VersionQuestion& q, const Finding& finding) {
  const auto counts = q.path->contributors();
  if (counts.size() < 3) return true;
  for (const int count : counts.last(3)) {
    if (count < 3) return true;
  }
  int growing = 0, all = 0;
  for (const InstanceSeries* instance : q.instances) {
    if (instance->last_block() < q.block - 2) continue;
    const auto rise = instance->RisePerBlock(ColumnOf(finding.channel, q.by_troughs),
                                             static_cast<size_t>(finding.trend.window));
    if (!rise) continue;
    ++all;
    growing += *rise > 0.4 * finding.trend.per_block;
  }
  return all == 0 || growing >= kGrowingShare * all;
}

struct Cohort {
  std::vector<double> rise, level;
};

// Young pods that fill up beside old ones that stay flat are on their way to the same level.
bool IsConvergence(const VersionQuestion& q, const Finding& finding) {
  Cohort old, young;
  const auto window = static_cast<size_t>(std::max(18, finding.trend.window));
  for (const InstanceSeries* instance : q.instances) {
    if (instance->last_block() < q.block - 1) continue;
    const auto rise = instance->RisePerBlock(ColumnOf(finding.channel, q.by_troughs), window);
    if (!rise) continue;
    Cohort& cohort = instance->joined() && instance->life() == 0 ? young : old;
    cohort.rise.push_back(*rise);
    cohort.level.push_back(finding.channel == Channel::kRss ? instance->last_rss()
                                                            : instance->level());
  }
  if (old.rise.empty() || young.rise.empty()) return false;
  return MedianInPlace(old.rise) < 0.5 * finding.trend.per_block &&
         MedianInPlace(young.level) < 1.1 * MedianInPlace(old.level);
}

std::optional<Finding> JudgeWhole(const VersionQuestion& q) {
  std::optional<Finding> finding;
  if (q.path->has_heap()) {
    if (const auto heap = HeapTrend(q)) finding = Finding{Channel::kHeap, *heap, nullptr};
  }
  if (!finding) {
    if (const auto rss = RssTrend(*q.path)) finding = Finding{Channel::kRss, *rss, nullptr};
  }
  if (!finding) {
    if (const auto spans = SpanTrend(*q.path)) finding = Finding{Channel::kSpans, *spans, nullptr};
  }
  if (!finding || !MostInstancesGrow(q, *finding)) return std::nullopt;
  if (finding->channel != Channel::kSpans && IsConvergence(q, *finding)) return std::nullopt;
  return finding;
}

}  // namespace

InstanceSeries::Column ColumnOf(Channel channel, bool by_troughs) {
  switch (channel) {
    case Channel::kHeap:
      return by_troughs ? InstanceSeries::Column::kTrough : InstanceSeries::Column::kLevel;
    case Channel::kRss:
      return InstanceSeries::Column::kRss;
    case Channel::kSpans:
      return InstanceSeries::Column::kSpans;
  }
  return InstanceSeries::Column::kLevel;
}

std::optional<Finding> JudgeVersion(const VersionQuestion& q) {
  if (q.path->size() < kMinPathBlocks) return std::nullopt;
  if (auto finding = JudgeWhole(q)) return finding;
  if (q.path->has_heap() && q.path->contributors().back() >= 2) return FindGrowingPod(q);
  return std::nullopt;
}

}  // namespace tidemark::detector
