// Turns units into rows by partition, with names sent once per partition. The writer's thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "storage/columns.h"
#include "storage/dictionary.h"
#include "storage/store.h"

namespace tidemark {

inline constexpr size_t kMaxLinksPerProfile = 64;
inline constexpr size_t kMaxStackFrames =
    512;  // of one stack; what is further from the leaf becomes "[truncated]"

struct RowCounts {
  uint64_t points = 0, profiles = 0, samples = 0;
  uint64_t late_points = 0, late_profiles = 0;
  uint64_t unusable_profiles = 0;  // without any heap value
};

// Rows of one commit: Begin, Add..., Take.
class RowBuilder {
 public:
  using LoadDictionary =
      std::function<Result<void>(TableGroup, int64_t start_ns, PartitionDictionary*)>;

  // `load` fills the dictionary of a partition that may have rows from before.
  explicit RowBuilder(LoadDictionary load) : load_(std::move(load)) {}

  // What is older than a floor is late; what is not before the ceiling is dropped and counted with
  // the late.
  struct Bounds {
    int64_t points_floor_ns = 0, profiles_floor_ns = 0, ceiling_ns = 0;
  };
  void Begin(uint64_t batch_id, const Bounds& bounds);
  Result<void> Add(const MetricBatch& batch);
  Result<void> Add(const ProfileBatch& batch);
  void Add(const Document& document, uint64_t version);

  std::vector<PartitionRows> Take();
  const RowCounts& counts() const { return counts_; }
  // The senders of this commit, to be told to the TargetTable once it is kept.
  struct Sighting {
    Resource resource;
    int64_t first_ns, last_ns;
  };
  const std::unordered_map<uint64_t, Sighting>& sightings() const { return sightings_; }

  // Forgets what this commit sent: it was not kept.
  void Forget();
  // Reads all dictionaries anew: rows that were kept are no more.
  void ForgetAll() { dictionaries_.clear(); }
  void set_next_seq(uint64_t seq) { next_seq_ = seq; }

 private:
  struct Rows;  // of one partition
  struct Frames;

  bool Keeps(int64_t time_ns, int64_t floor_ns) const {
    return time_ns > 0 && time_ns >= floor_ns && time_ns < bounds_.ceiling_ns;
  }
  Result<Rows*> RowsOf(TableGroup group, int64_t time_ns);
  void AddTarget(Rows* rows, const Resource& resource, uint64_t target_id, int64_t time_ns);
  void AddSamples(Rows* rows, const ProfileBatch& batch, uint64_t target_id);
  uint64_t StackRef(Rows* rows, const Profile& profile, const Sample& sample, Frames* frames);

  LoadDictionary load_;
  std::map<std::pair<TableGroup, int64_t>, std::unique_ptr<PartitionDictionary>> dictionaries_;
  std::map<std::pair<TableGroup, int64_t>, std::shared_ptr<Rows>> rows_;
  std::unordered_map<uint64_t, Sighting> sightings_;
  RowCounts counts_;
  uint64_t batch_id_ = 0, next_seq_ = 1;
  Bounds bounds_;
};

}  // namespace tidemark
