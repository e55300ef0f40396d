#include "storage/store.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <variant>

#include "base/hash.h"
#include "storage/duck_engine.h"
#include "storage/reads.h"
#include "storage/row_builder.h"

namespace tidemark {
namespace {

constexpr int64_t kMaxCommitIntervalNs = 250'000'000;
constexpr size_t kMaxCommitBytes = 16 << 20;  // a commit is not delayed beyond this
constexpr size_t kMaxDocumentBytes = 16 << 20;
constexpr size_t kMaxDocumentNameBytes = 1 << 10;  // of kind and id
constexpr size_t kMaxDocuments = 100'000;
constexpr uint64_t kPutsBetweenCompactions = 1'000;

size_t BytesOf(const Attributes& attributes) {
  size_t bytes = 0;
  for (const auto& [key, value] : attributes)
    bytes += 2 * sizeof(std::string) + key.size() + value.size();
  return bytes;
}

size_t BytesOf(const Profile& profile) {
  size_t bytes = sizeof(Profile);
  for (const Sample& sample : profile.samples) {
    bytes += sizeof(Sample) + 4 * sample.locations.size() + 8 * sample.values.size() +
             sizeof(Label) * sample.labels.size();
  }
  for (const Location& location : profile.locations) {
    bytes += sizeof(Location) + sizeof(Line) * location.lines.size();
  }
  for (const Function& function : profile.functions) {
    bytes += sizeof(Function) + function.name.size() + function.system_name.size() +
             function.file.size();
  }
  return bytes;
}

// What a unit holds in memory, about.
size_t BytesOf(const WriteUnit& unit) {
  size_t bytes = sizeof(WriteUnit);
  for (const MetricBatch& batch : unit.metrics) {
    bytes += sizeof(MetricBatch) + BytesOf(batch.resource.attributes);
    for (const Point& point : batch.points) {
      bytes += sizeof(Point) + point.metric.size() + point.unit.size() + BytesOf(point.attributes);
    }
  }
  for (const ProfileBatch& batch : unit.profiles) {
    bytes += sizeof(ProfileBatch) + BytesOf(batch.resource.attributes) + BytesOf(batch.profile);
  }
  return bytes;
}

// The newest event time of a unit that lies before `ceiling_ns`.
int64_t NewestOf(const WriteUnit& unit, int64_t ceiling_ns) {
  int64_t newest_ns = 0;
  const auto look = [&](int64_t time_ns) {
    if (time_ns < ceiling_ns) newest_ns = std::max(newest_ns, time_ns);
  };
  for (const MetricBatch& batch : unit.metrics) {
    for (const Point& point : batch.points) look(point.time_ns);
  }
  for (const ProfileBatch& batch : unit.profiles) look(batch.profile.time_ns);
  return newest_ns;
}

using Done = std::function<void(Result<void>)>;

struct Item {
  std::variant<WriteUnit, Document> what;
  size_t bytes = 0;
  Done done;
};

class EngineStore : public Store {
 public:
  EngineStore(StoreOptions options, std::unique_ptr<Engine> engine)
      : options_(std::move(options)),
        engine_(std::move(engine)),
        builder_([this](TableGroup group, int64_t start_ns, PartitionDictionary* dictionary) {
          return LoadDictionaryFrom(engine_.get(), group, start_ns, dictionary);
        }) {}
  ~EngineStore() override;

  Result<void> Start();

  void Append(WriteUnit unit, Done done) override;
  Result<std::vector<Series>> ReadSeries(const SeriesQuery& query) override {
    return ReadSeriesFrom(engine_.get(), targets_, query);
  }
  Result<Profile> ReadProfile(const ProfileQuery& query) override {
    return ReadProfileFrom(engine_.get(), targets_, query);
  }
  Result<std::vector<GrowthRow>> ReadGrowth(const GrowthQuery& query) override {
    return ReadGrowthFrom(engine_.get(), targets_, query);
  }
  Result<std::vector<TargetRow>> ReadTargets() override { return targets_.All(); }
  Result<void> PutDocument(const Document& document) override;
  Result<std::vector<Document>> ReadDocuments(const std::string& kind) override {
    return ReadDocumentsFrom(engine_.get(), kind);
  }
  StoreStats stats() const override;

 private:
  // Queues an item; answers it at once when it does not fit.
  void Push(Item item);

  // The writer's thread.
  void Run();
  std::vector<Item> NextItems();
  void Commit(std::vector<Item> items);
  Result<void> Build(const std::vector<Item>& items);
  RowBuilder::Bounds BoundsFor(const std::vector<Item>& items);
  void Keep(const RowCounts& counts);
  void Housekeep();
  void RaiseFloor(TableGroup group, int64_t* floor_ns, size_t partitions_before);

  const StoreOptions options_;
  const std::unique_ptr<Engine> engine_;
  TargetTable targets_;

  // The writer's.
  RowBuilder builder_;
  int64_t newest_ns_ = 0;  // event time
  int64_t points_floor_ns_ = 0,
          profiles_floor_ns_ = 0;  // what the disk cap took is not written again
  uint64_t generation_ = 0;        // of the engine, when the dictionaries were read
  uint64_t next_version_ = 1, puts_since_compaction_ = 0;  // of documents
  int64_t last_commit_ns_ = 0, last_housekeeping_ns_ = 0;  // steady clock

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Item> queue_;
  size_t pending_bytes_ = 0, queued_bytes_ = 0;  // queued or being committed; queued
  bool stopping_ = false;
  std::unordered_set<uint64_t> documents_;  // hashes of kind and id
  StoreStats stats_;

  std::thread writer_;
};

Result<void> EngineStore::Start() {
  TIDEMARK_RETURN_IF_ERROR(LoadTargets(engine_.get(), &targets_));
  for (const TargetRow& row : targets_.All()) newest_ns_ = std::max(newest_ns_, row.last_seen_ns);
  TIDEMARK_ASSIGN_OR_RETURN(const uint64_t seq,
                            MaxOf(engine_.get(), TableGroup::kPoints,
                                  "SELECT seq FROM {table:points} ORDER BY seq DESC LIMIT 1", {}));
  builder_.set_next_seq(seq + 1);
  const Sql documents("SELECT kind_id, document_id, version FROM {table:documents}",
                      TableGroup::kMeta);
  auto read = engine_->Query(documents, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      documents_.insert(HashCombine(chunk.UInt64(0)[i], chunk.UInt64(1)[i]));
      next_version_ = std::max(next_version_, chunk.UInt64(2)[i] + 1);
      ++puts_since_compaction_;
    }
    return {};
  });
  TIDEMARK_RETURN_IF_ERROR(read);
  Housekeep();
  writer_ = std::thread([this] { Run(); });
  return {};
}

EngineStore::~EngineStore() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (writer_.joinable()) writer_.join();
}

void EngineStore::Append(WriteUnit unit, Done done) {
  const size_t bytes = BytesOf(unit);
  Push({std::move(unit), bytes, std::move(done)});
}

void EngineStore::Push(Item item) {
  std::optional<Error> refusal;
  {
    std::lock_guard lock(mutex_);
    if (item.bytes > options_.max_pending_bytes) {
      refusal =
          TooLarge("one unit of " + std::to_string(item.bytes) + " bytes; the store takes " +
                   std::to_string(options_.max_pending_bytes) + " at most, send less at once");
    } else if (pending_bytes_ + item.bytes > options_.max_pending_bytes) {
      refusal = Overloaded("store overloaded: " + std::to_string(pending_bytes_) +
                           " bytes wait to be written; retry later");
    } else {
      pending_bytes_ += item.bytes;
      queued_bytes_ += item.bytes;
      queue_.push_back(std::move(item));
      wake_.notify_one();
      return;
    }
    ++stats_.refused_units;
  }
  item.done(*refusal);
}

Result<void> EngineStore::PutDocument(const Document& document) {
  if (document.payload.size() > kMaxDocumentBytes) {
    return TooLarge("document " + document.kind + "/" + document.id + " has " +
                    std::to_string(document.payload.size()) + " bytes; at most " +
                    std::to_string(kMaxDocumentBytes));
  }
  if (document.kind.size() > kMaxDocumentNameBytes || document.id.size() > kMaxDocumentNameBytes) {
    return InvalidArgument("document kind or id longer than 1024 bytes");
  }
  {
    const uint64_t id = HashCombine(Hash64(document.kind), Hash64(document.id));
    std::lock_guard lock(mutex_);
    if (documents_.size() >= kMaxDocuments && !documents_.contains(id)) {
      return TooLarge("the store holds " + std::to_string(kMaxDocuments) +
                      " documents, its limit; " + document.kind + "/" + document.id +
                      " is not kept");
    }
    documents_.insert(id);
  }
  // Shared, because the writer may still be inside set_value when the waiting thread goes on.
  const auto promise = std::make_shared<std::promise<Result<void>>>();
  auto future = promise->get_future();
  Push({document, sizeof(Document) + document.payload.size(),
        [promise](Result<void> result) { promise->set_value(std::move(result)); }});
  return future.get();
}

void EngineStore::Run() {
  while (true) {
    std::vector<Item> items = NextItems();
    if (!items.empty()) Commit(std::move(items));
    const int64_t now_ns = SteadyClockNs();
    if (now_ns - last_housekeeping_ns_ >= options_.housekeeping_interval_ns) Housekeep();
    std::lock_guard lock(mutex_);
    if (stopping_ && queue_.empty()) return;
  }
}

// Waits for work: at most until the next housekeeping, and after the first item until a commit
// interval has passed since the last commit, so that an idle store answers at once and a busy one
// commits in groups.
std::vector<Item> EngineStore::NextItems() {
  const int64_t interval_ns = std::min(options_.commit_interval_ns, kMaxCommitIntervalNs);
  const auto idle = std::chrono::nanoseconds(
      std::clamp<int64_t>(options_.housekeeping_interval_ns, 10'000'000, 10 * kNsPerSecond));
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, idle, [this] { return stopping_ || !queue_.empty(); });
  if (queue_.empty()) return {};
  const int64_t left_ns = last_commit_ns_ + interval_ns - SteadyClockNs();
  if (left_ns > 0) {
    wake_.wait_for(lock, std::chrono::nanoseconds(left_ns), [this] {
      return stopping_ ||
             queued_bytes_ >= std::min(kMaxCommitBytes, options_.max_pending_bytes / 2);
    });
  }
  std::vector<Item> items;
  size_t bytes = 0;
  while (!queue_.empty() && (items.empty() || bytes + queue_.front().bytes <= kMaxCommitBytes)) {
    bytes += queue_.front().bytes;
    items.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queued_bytes_ -= bytes;
  return items;
}

RowBuilder::Bounds EngineStore::BoundsFor(const std::vector<Item>& items) {
  RowBuilder::Bounds bounds;
  bounds.ceiling_ns = options_.wall_clock_ns() + options_.max_future_ns;
  for (const Item& item : items) {
    if (const auto* unit = std::get_if<WriteUnit>(&item.what)) {
      newest_ns_ = std::max(newest_ns_, NewestOf(*unit, bounds.ceiling_ns));
    }
  }
  const int64_t horizon_ns = newest_ns_ - options_.retention_ns;
  bounds.points_floor_ns = std::max(horizon_ns, points_floor_ns_);
  bounds.profiles_floor_ns = std::max(horizon_ns, profiles_floor_ns_);
  return bounds;
}

Result<void> EngineStore::Build(const std::vector<Item>& items) {
  for (const Item& item : items) {
    if (const auto* document = std::get_if<Document>(&item.what)) {
      builder_.Add(*document, next_version_++);
      ++puts_since_compaction_;
      continue;
    }
    const auto& unit = std::get<WriteUnit>(item.what);
    for (const MetricBatch& batch : unit.metrics) TIDEMARK_RETURN_IF_ERROR(builder_.Add(batch));
    for (const ProfileBatch& batch : unit.profiles) TIDEMARK_RETURN_IF_ERROR(builder_.Add(batch));
  }
  return {};
}

void EngineStore::Commit(std::vector<Item> items) {
  last_commit_ns_ = SteadyClockNs();
  (void)engine_->Maintain();  // what it could not mend refuses the batch below
  const uint64_t generation = engine_->generation();
  if (std::exchange(generation_, generation) != generation) builder_.ForgetAll();
  const uint64_t batch_id = engine_->last_batch_id() + 1;
  builder_.Begin(batch_id, BoundsFor(items));
  Result<void> result = Build(items);
  if (result) {
    const std::vector<PartitionRows> rows = builder_.Take();
    if (!rows.empty()) result = engine_->Append(batch_id, rows);
  }
  size_t bytes = 0;
  for (const Item& item : items) bytes += item.bytes;
  if (result) {
    for (const auto& [id, sighting] : builder_.sightings()) {
      targets_.Observe(sighting.resource, sighting.first_ns, sighting.last_ns);
    }
    Keep(builder_.counts());
  } else {
    builder_.Forget();
    std::lock_guard lock(mutex_);
    ++stats_.failed_commits;
  }
  {
    std::lock_guard lock(mutex_);
    pending_bytes_ -= bytes;
  }
  for (Item& item : items) {
    if (result) {
      item.done({});
    } else {
      // The sender is not at fault: whatever failed here may succeed later.
      Error error = result.error();
      error.retryable = error.code != ErrorCode::kResourceExhausted || error.retryable;
      item.done(std::move(error));
    }
  }
}

void EngineStore::Keep(const RowCounts& counts) {
  std::lock_guard lock(mutex_);
  ++stats_.commits;
  stats_.committed_points += counts.points;
  stats_.committed_profiles += counts.profiles;
  stats_.committed_samples += counts.samples;
  stats_.late_points += counts.late_points;
  stats_.late_profiles += counts.late_profiles;
  stats_.unusable_profiles += counts.unusable_profiles;
}

// What left the disk must not come back as a new, nearly empty partition.
void EngineStore::RaiseFloor(TableGroup group, int64_t* floor_ns, size_t partitions_before) {
  const std::vector<int64_t> left = engine_->Partitions(group);
  if (left.size() < partitions_before && !left.empty()) {
    *floor_ns = std::max(*floor_ns, left.front());
  }
}

void EngineStore::Housekeep() {
  last_housekeeping_ns_ = SteadyClockNs();
  const int64_t horizon_ns = newest_ns_ - options_.retention_ns;
  const size_t points_before = engine_->Partitions(TableGroup::kPoints).size();
  const size_t profiles_before = engine_->Partitions(TableGroup::kProfiles).size();
  bool failed = !engine_->DropBefore(TableGroup::kPoints, horizon_ns);
  failed |= !engine_->DropBefore(TableGroup::kProfiles, horizon_ns);
  failed |= !engine_->DropToFit(options_.max_disk_bytes);
  RaiseFloor(TableGroup::kPoints, &points_floor_ns_, points_before);
  RaiseFloor(TableGroup::kProfiles, &profiles_floor_ns_, profiles_before);
  targets_.ForgetBefore(horizon_ns);
  if (puts_since_compaction_ >= kPutsBetweenCompactions) {
    constexpr std::string_view kKeys[] = {"kind_id", "document_id"};
    failed |= !engine_->Compact(TableGroup::kMeta, "documents", kKeys, "version");
    puts_since_compaction_ = 0;
  }
  std::lock_guard lock(mutex_);
  stats_.failed_housekeeping += failed ? 1 : 0;
}

StoreStats EngineStore::stats() const {
  const EngineHealth health = engine_->health();
  std::lock_guard lock(mutex_);
  StoreStats stats = stats_;
  stats.pending_bytes = pending_bytes_;
  stats.quarantined_files = health.quarantined_files;
  stats.disk_bytes = health.disk_bytes;
  stats.partitions = health.partitions;
  stats.dropped_partitions = health.dropped_partitions;
  stats.forgotten_targets = targets_.forgotten();
  return stats;
}

}  // namespace

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  DuckOptions duck;
  duck.directory = options.directory;
  duck.memory_limit_bytes = options.memory_limit_bytes;
  TIDEMARK_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, OpenDuckEngine(duck));
  auto store = std::make_unique<EngineStore>(options, std::move(engine));
  TIDEMARK_RETURN_IF_ERROR(store->Start());
  return std::unique_ptr<Store>(std::move(store));
}

Result<void> Store::AppendAndWait(WriteUnit unit) {
  const auto promise = std::make_shared<std::promise<Result<void>>>();
  auto future = promise->get_future();
  Append(std::move(unit),
         [promise](Result<void> result) { promise->set_value(std::move(result)); });
  return future.get();
}

}  // namespace tidemark
