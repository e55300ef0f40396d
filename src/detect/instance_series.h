// One instance of a service: its points summed up in blocks of event time, its lives, and what a
// garbage collector leaves behind. State only; the pooling of instances is version_path.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidemark::detector {

// Sums over one block. Values <= 0 of heap and RSS are not counted: they are holes of the sender.
struct BlockSums {
  double heap_min = 1e30, heap_max = 0, heap_sum = 0;
  double rss_sum = 0, span_sum = 0, rate_sum = 0;
  uint32_t heap_count = 0, rss_count = 0, span_count = 0, rate_count = 0;
  double first_s = 0, last_s = 0;  // of heap points, or RSS points where there is no heap

  double heap_mean() const { return heap_count ? heap_sum / heap_count : 0; }
  double rss_mean() const { return rss_count ? rss_sum / rss_count : 0; }
  double span_mean() const { return span_count ? span_sum / span_count : 0; }
  double rate_mean() const { return rate_count ? rate_sum / rate_count : 0; }
};

// A closed block, small: 24 bytes, 288 of them an instance.
struct BlockRecord {
  int32_t block_minus_birth = 0;  // block number less the instance's first
  float level = 0, spans = 0, rss = 0;
  float trough = 0;  // level of the last collection, else `level`
  uint16_t life = 0;
  bool credited = false;  // its change from the block before counts
};

// The level right after a collection.
struct Trough {
  int64_t block = 0;
  uint32_t life = 0;
  double level = 0, spans = 0;
};

// What one block changed since the one before.
struct BlockChange {
  bool credited = false;
  double level = 0, spans = 0, rate = 0, rss = 0, peak = 0, trough = 0;
};

class ChangeScale;

enum class Metric : uint8_t { kHeap, kRss, kLimit, kSpans, kRate };

class InstanceSeries {
 public:
  // `joined`: it came after its service was known, so its start was seen.
  InstanceSeries(std::string name, double first_s, bool joined);

  // Adds a point; false when its block is already gone. A restart (RSS falls by 10 % across a hole
  // of 20 s, or by 40 %) starts a new life.
  bool Add(Metric metric, double time_s, double value);

  // The sums of `block` when it holds enough points of the present life to be judged, else nullptr.
  const BlockSums* FullBlock(int64_t block) const;

  // Closes a block. `collects`: the version's runtime collects garbage, so the level is the block's
  // minimum. Instances of the version's first cohort settle sooner, hence `version_born_block`. A
  // fall of less than 6 `scale` is noise. Sets *collected when the block shows a collection.
  BlockChange Close(int64_t block, const BlockSums& sums, bool collects, int64_t version_born_block,
                    const ChangeScale& scale, bool* collected);

  // Smoothed (max - min) / min within blocks, updated by each block.
  double UpdateRoughness(const BlockSums& sums);

  // Mean growth per block by least squares over the last `window` records, restarts left out.
  enum class Column : uint8_t { kLevel, kTrough, kRss, kSpans };
  std::optional<double> RisePerBlock(Column column, size_t window) const;

  const std::string& name() const { return name_; }
  bool has_heap() const { return has_heap_; }
  bool joined() const { return joined_; }  // its start, or a restart, was seen
  uint32_t life() const { return life_; }
  double level() const { return level_; }
  double last_rss() const { return last_rss_.value_or(0); }
  double limit() const { return limit_; }
  double last_seen_s() const { return last_seen_s_; }
  const std::vector<Trough>& troughs() const { return troughs_; }
  const std::vector<BlockRecord>& records() const { return records_; }
  int64_t BlockOf(const BlockRecord& record) const {
    return birth_block_ + record.block_minus_birth;
  }
  // Newest closed block; very old when none.
  int64_t last_block() const { return records_.empty() ? INT64_MIN / 2 : BlockOf(records_.back()); }

 private:
  struct Recent {
    double level, spans;
  };
  struct LastData {
    int64_t block;
    uint32_t life;
    double level, spans, rate, rss, peak;
  };

  BlockSums* SumsFor(int64_t block);
  void NoteRss(double time_s, int64_t block, double value, BlockSums*& sums);
  void StartLife(double time_s, int64_t block);
  bool IsCollection(double level, double spans, const ChangeScale& scale) const;
  double FollowTrough(int64_t block, double level, double spans, double age_s, bool collection);
  bool IsSettled(int64_t block, double age_s, int64_t version_born_block) const;

  std::string name_;
  double first_s_, start_s_;
  bool joined_;
  bool has_heap_ = false, has_rss_ = false;
  int64_t birth_block_;
  double last_rss_s_;
  std::optional<double> last_rss_;
  double limit_ = 0, last_seen_s_ = 0, level_ = 0;
  uint32_t life_ = 0;
  double interval_s_ = 0;  // least mean distance of points seen in a block

  int64_t current_block_ = INT64_MIN, previous_block_ = INT64_MIN;
  uint32_t previous_life_ = 0;
  BlockSums current_, previous_;

  std::optional<double> roughness_, held_;  // held: trough level of the present cycle
  std::optional<LastData> last_;
  std::optional<Trough> pending_;  // waits for the next block
  std::vector<Recent> recent_;     // up to 3 blocks of this life
  double peak_ = 0;                // smoothed running maximum of the heap
  std::vector<Trough> troughs_;
  std::vector<BlockRecord> records_;
};

}  // namespace tidemark::detector
