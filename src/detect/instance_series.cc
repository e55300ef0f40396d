#include "detect/instance_series.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "detect/change_scale.h"
#include "detect/detector_settings.h"

namespace tidemark::detector {
namespace {

int64_t BlockAt(double time_s) {
  return static_cast<int64_t>(std::floor(time_s / static_cast<double>(kBlockS)));
}

void NoteTime(BlockSums& sums, double time_s, uint32_t count) {
  if (count == 1) sums.first_s = time_s;
  sums.last_s = std::max(sums.last_s, time_s);
}

double MeanInterval(const BlockSums& sums, uint32_t count) {
  return count >= 3 ? (sums.last_s - sums.first_s) / (count - 1) : 0;
}

// Points that make a block at this cadence: 20 at 10 s, 6 at 30 s, 3 at 60 s.
uint32_t PointsNeeded(double interval_s) {
  if (interval_s <= 0) return kFullBlock;
  const double due = static_cast<double>(kBlockS) / interval_s;
  return static_cast<uint32_t>(
      std::clamp(std::floor(kFullShare * due), 3.0, static_cast<double>(kFullBlock)));
}

double RecordValue(const BlockRecord& record, InstanceSeries::Column column) {
  switch (column) {
    case InstanceSeries::Column::kLevel:
      return record.level;
    case InstanceSeries::Column::kTrough:
      return record.trough;
    case InstanceSeries::Column::kRss:
      return record.rss;
    case InstanceSeries::Column::kSpans:
      return record.spans;
  }
  return 0;
}

}  // namespace

InstanceSeries::InstanceSeries(std::string name, double first_s, bool joined)
    : name_(std::move(name)),
      first_s_(first_s),
      start_s_(first_s),
      joined_(joined),
      birth_block_(BlockAt(first_s)),
      last_rss_s_(first_s) {}

BlockSums* InstanceSeries::SumsFor(int64_t block) {
  if (block > current_block_) {
    previous_ = current_;
    previous_block_ = current_block_;
    previous_life_ = life_;
    current_ = {};
    current_block_ = block;
  }
  if (block == current_block_) return &current_;
  return block == previous_block_ && previous_life_ == life_ ? &previous_ : nullptr;
}

void InstanceSeries::StartLife(double time_s, int64_t block) {
  ++life_;
  start_s_ = time_s;
  joined_ = true;
  current_block_ = block;
  current_ = {};
  previous_block_ = INT64_MIN;
  held_.reset();
  last_.reset();
  recent_.clear();
  peak_ = 0;
}

void InstanceSeries::NoteRss(double time_s, int64_t block, double value, BlockSums*& sums) {
  if (time_s <= last_rss_s_) return;
  const double gap_s = time_s - last_rss_s_;
  if (last_rss_ && ((value < 0.9 * *last_rss_ && gap_s >= std::max(20.0, 1.9 * interval_s_)) ||
                    value < 0.6 * *last_rss_)) {
    StartLife(time_s, block);
    sums = &current_;
  }
  last_rss_s_ = time_s;
  last_rss_ = value;
}

bool InstanceSeries::Add(Metric metric, double time_s, double value) {
  last_seen_s_ = std::max(last_seen_s_, time_s);
  if (metric == Metric::kLimit) {
    limit_ = value;
    return true;
  }
  const int64_t block = BlockAt(time_s);
  BlockSums* sums = SumsFor(block);
  if (!sums) return false;
  switch (metric) {
    case Metric::kHeap:
      if (value <= 0) break;
      has_heap_ = true;
      sums->heap_min = std::min(sums->heap_min, value);
      sums->heap_max = std::max(sums->heap_max, value);
      sums->heap_sum += value;
      NoteTime(*sums, time_s, ++sums->heap_count);
      break;
    case Metric::kRss:
      if (value <= 0) break;
      has_rss_ = true;
      NoteRss(time_s, block, value, sums);
      sums->rss_sum += value;
      ++sums->rss_count;
      if (!has_heap_) NoteTime(*sums, time_s, sums->rss_count);
      break;
    case Metric::kSpans:
      sums->span_sum += value;
      ++sums->span_count;
      break;
    case Metric::kRate:
      sums->rate_sum += value;
      ++sums->rate_count;
      break;
    case Metric::kLimit:
      break;
  }
  return true;
}

const BlockSums* InstanceSeries::FullBlock(int64_t block) const {
  const BlockSums* sums = nullptr;
  if (block == current_block_) sums = &current_;
  if (block == previous_block_ && previous_life_ == life_) sums = &previous_;
  if (!sums) return nullptr;
  const uint32_t count = has_heap_ ? sums->heap_count : sums->rss_count;
  const double here_s = MeanInterval(*sums, count);
  const double interval_s =
      interval_s_ > 0 && here_s > 0 ? std::min(interval_s_, here_s) : std::max(interval_s_, here_s);
  const uint32_t needed = PointsNeeded(interval_s);
  if (count < needed) return nullptr;  // a block cut by a hole has a biased minimum
  const uint32_t rss_needed = std::min<uint32_t>(kMinRssPoints, (needed + 1) / 2);
  if (has_heap_ && has_rss_ && sums->rss_count < rss_needed) return nullptr;
  return sums;
}

double InstanceSeries::UpdateRoughness(const BlockSums& sums) {
  const double now =
      sums.heap_count && sums.heap_min > 0 ? (sums.heap_max - sums.heap_min) / sums.heap_min : 0;
  roughness_ = roughness_ ? *roughness_ + 0.2 * (now - *roughness_) : now;
  return *roughness_;
}

// Two high blocks, then a low one, which the load does not explain.
bool InstanceSeries::IsCollection(double level, double spans, const ChangeScale& scale) const {
  if (recent_.size() < 2) return false;
  const Recent &last = recent_.back(), &before = recent_[recent_.size() - 2];
  const double high = std::min(last.level, before.level);
  const bool load_fell = last.spans > 0 && spans <= 0.7 * last.spans;
  return level < high * (1 - kCollectionDrop) && !load_fell && high - level > 6 * scale.Bytes();
}

// Keeps the trough of the present collection cycle; returns its change.
double InstanceSeries::FollowTrough(int64_t block, double level, double spans, double age_s,
                                    bool collection) {
  if (pending_) {
    if (pending_->life == life_) {
      pending_->level = std::min(pending_->level, level);
      pending_->spans = 0.5 * (pending_->spans + spans);
      troughs_.push_back(*pending_);
      if (troughs_.size() > kMaxTroughs) troughs_.erase(troughs_.begin());
    }
    pending_.reset();
  }
  if (collection && (age_s >= kSettleS || !joined_)) {
    pending_ = Trough{block, life_, level, spans};
  }
  if (collection) {
    const double change = held_ ? level - *held_ : 0;  // the first of a life only sets the level
    held_ = level;
    return change;
  }
  if (held_ && level < *held_) {
    const double change = level - *held_;
    held_ = level;
    return change;
  }
  return 0;
}

bool InstanceSeries::IsSettled(int64_t block, double age_s, int64_t version_born_block) const {
  if (!joined_ && block - birth_block_ > 3) return true;
  const bool later_cohort =
      life_ > 0 || first_s_ > static_cast<double>(version_born_block * kBlockS) + 1500;
  return age_s - static_cast<double>(kBlockS) >= (later_cohort ? kSettleS : kSettleFirstS);
}

BlockChange InstanceSeries::Close(int64_t block, const BlockSums& sums, bool collects,
                                  int64_t version_born_block, const ChangeScale& scale,
                                  bool* collected) {
  const uint32_t count = has_heap_ ? sums.heap_count : sums.rss_count;
  if (const double here_s = MeanInterval(sums, count); here_s > 0) {
    interval_s_ = interval_s_ > 0 ? std::min(interval_s_, here_s) : here_s;
  }
  const double level = !has_heap_ ? sums.rss_mean() : collects ? sums.heap_min : sums.heap_mean();
  const double rss = sums.rss_mean(), spans = sums.span_mean(), rate = sums.rate_mean();
  const double age_s = static_cast<double>(block * kBlockS) - start_s_;
  if (peak_ < sums.heap_max) peak_ += (sums.heap_max - peak_) * (peak_ == 0 ? 1.0 : 0.5);

  *collected = IsCollection(level, spans, scale);
  const double trough_change = FollowTrough(block, level, spans, age_s, *collected);
  recent_.push_back({level, spans});
  if (recent_.size() > 3) recent_.erase(recent_.begin());

  BlockChange change;
  if (last_ && last_->block == block - 1 && last_->life == life_ &&
      IsSettled(block, age_s, version_born_block)) {
    change = {true,
              level - last_->level,
              spans - last_->spans,
              rate - last_->rate,
              rss - last_->rss,
              peak_ - last_->peak,
              trough_change};
  }
  last_ = LastData{block, life_, level, spans, rate, rss, peak_};
  level_ = level;
  records_.push_back({static_cast<int32_t>(block - birth_block_), static_cast<float>(level),
                      static_cast<float>(spans), static_cast<float>(rss),
                      static_cast<float>(held_.value_or(level)), static_cast<uint16_t>(life_),
                      change.credited});
  if (records_.size() > kRingBlocks) records_.erase(records_.begin());
  return change;
}

std::optional<double> InstanceSeries::RisePerBlock(Column column, size_t window) const {
  const size_t first = records_.size() > window ? records_.size() - window : 0;
  const size_t n = records_.size() - first;
  if (n < std::max<size_t>(4, window / 3)) return std::nullopt;
  double path = 0, sum_t = 0, sum_y = 0, sum_tt = 0, sum_ty = 0;
  const double origin = records_[first].block_minus_birth;
  for (size_t i = first; i < records_.size(); ++i) {
    const BlockRecord& now = records_[i];
    if (i > first && now.credited && now.life == records_[i - 1].life &&
        now.block_minus_birth == records_[i - 1].block_minus_birth + 1) {
      path += RecordValue(now, column) - RecordValue(records_[i - 1], column);
    }
    const double t = now.block_minus_birth - origin;
    sum_t += t;
    sum_y += path;
    sum_tt += t * t;
    sum_ty += t * path;
  }
  const double count = static_cast<double>(n);
  const double sxx = sum_tt - sum_t * sum_t / count;
  if (sxx <= 0) return std::nullopt;
  return (sum_ty - sum_t * sum_y / count) / sxx;
}

}  // namespace tidemark::detector
