#include "detect/version_path.h"

#include <utility>

#include "detect/detector_settings.h"

namespace tidemark::detector {
namespace {

template <typename T>
void PushBounded(std::vector<T>& column, T value) {
  column.push_back(value);
  if (column.size() > kRingBlocks) column.erase(column.begin());
}

void Accumulate(BlockChange& sum, const BlockChange& change, double weight) {
  sum.level += change.level * weight;
  sum.spans += change.spans * weight;
  sum.rate += change.rate * weight;
  sum.rss += change.rss * weight;
  sum.peak += change.peak * weight;
  sum.trough += change.trough * weight;
}

}  // namespace

bool VersionPath::collects() const { return roughness_ && *roughness_ > kGcRoughness; }

bool VersionPath::Add(int64_t block, std::span<const Contribution> contributions) {
  BlockChange sum;
  int contributors = 0;
  bool any_collected = false;
  std::unordered_set<const InstanceSeries*> credited;
  heap_level_ = rss_level_ = span_level_ = rate_level_ = 0;
  for (const auto& [instance, sums] : contributions) {
    has_heap_ = has_heap_ || instance->has_heap();
    const double rough = instance->UpdateRoughness(*sums);
    roughness_ = roughness_ ? *roughness_ + 0.05 * (rough - *roughness_) : rough;
    bool collected = false;
    const BlockChange change =
        instance->Close(block, *sums, collects(), born_block_, scale_, &collected);
    any_collected = any_collected || collected;
    if (change.credited) {
      Accumulate(sum, change, 1);
      ++contributors;
      ++credited_;
      credited.insert(instance);
      scale_.Add(change.level);
    }
    heap_level_ += instance->level();
    rss_level_ += sums->rss_mean();
    span_level_ += sums->span_mean();
    rate_level_ += sums->rate_mean();
  }
  const double count = static_cast<double>(contributions.size());
  heap_level_ /= count;
  rss_level_ /= count;
  span_level_ /= count;
  rate_level_ /= count;
  TrackTurnover(std::move(credited), contributors);
  scale_.Trim();
  Append(block, sum, contributors);
  return any_collected;
}

void VersionPath::TrackTurnover(std::unordered_set<const InstanceSeries*> now, int contributors) {
  size_t changed = 0;
  for (const InstanceSeries* instance : now) changed += !credited_before_.contains(instance);
  for (const InstanceSeries* instance : credited_before_) changed += !now.contains(instance);
  credited_before_ = std::move(now);
  double variance = 0;
  if (changed > 0 && contributors > 0 && scale_.known()) {
    const double scale = scale_.Bytes();
    variance = static_cast<double>(changed) * scale * scale /
               (static_cast<double>(contributors) * contributors);
  }
  turnover_variance_ += 0.02 * (variance - turnover_variance_);
}

void VersionPath::Append(int64_t block, const BlockChange& sum, int contributors) {
  if (contributors > 0) Accumulate(total_, sum, 1.0 / contributors);
  PushBounded(blocks_, block);
  PushBounded(heap_, total_.level);
  PushBounded(rss_, total_.rss);
  PushBounded(spans_, total_.spans);
  PushBounded(rate_, total_.rate);
  PushBounded(peak_, total_.peak);
  PushBounded(contributors_, contributors);
}

}  // namespace tidemark::detector
