// All instances of one service and version as one path: the sum of their mean changes, block by
// block. Common movement adds up, one pod's noise does not, and pods that come and go move nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_set>
#include <vector>

#include "detect/change_scale.h"
#include "detect/instance_series.h"

namespace tidemark::detector {

// An instance with its full block.
struct Contribution {
  InstanceSeries* instance = nullptr;
  const BlockSums* sums = nullptr;
};

// One thread. 18 KB: 288 blocks of 8 columns.
class VersionPath {
 public:
  explicit VersionPath(int64_t born_block) : born_block_(born_block) {}

  // Closes `block` with the instances that filled it (at least one). Returns true when one of them
  // collected.
  bool Add(int64_t block, std::span<const Contribution> contributions);

  size_t size() const { return blocks_.size(); }
  int64_t born_block() const { return born_block_; }
  int64_t last_block() const { return blocks_.empty() ? INT64_MIN / 2 : blocks_.back(); }
  // Columns, oldest first; means per instance, restarts taken out.
  std::span<const int64_t> blocks() const { return blocks_; }
  std::span<const double> heap() const { return heap_; }
  std::span<const double> rss() const { return rss_; }
  std::span<const double> spans() const { return spans_; }
  std::span<const double> rate() const { return rate_; }
  std::span<const double> peak() const { return peak_; }
  std::span<const int> contributors() const { return contributors_; }
  // Mean levels in the newest block.
  double heap_level() const { return heap_level_; }
  double rss_level() const { return rss_level_; }
  double span_level() const { return span_level_; }
  double rate_level() const { return rate_level_; }
  bool has_heap() const { return has_heap_; }
  bool collects() const;
  // Variance a block of the path gains because instances come and go.
  double turnover_variance() const { return turnover_variance_; }
  int64_t credited() const { return credited_; }  // instance-blocks observed

 private:
  void TrackTurnover(std::unordered_set<const InstanceSeries*> now, int contributors);
  void Append(int64_t block, const BlockChange& sum, int contributors);

  int64_t born_block_;
  std::vector<int64_t> blocks_;
  std::vector<double> heap_, rss_, spans_, rate_, peak_;
  std::vector<int> contributors_;
  BlockChange total_;
  double heap_level_ = 0, rss_level_ = 0, span_level_ = 0, rate_level_ = 0;
  bool has_heap_ = false;
  std::optional<double> roughness_;
  ChangeScale scale_;
  std::unordered_set<const InstanceSeries*> credited_before_;
  double turnover_variance_ = 0;
  int64_t credited_ = 0;
};

}  // namespace tidemark::detector
