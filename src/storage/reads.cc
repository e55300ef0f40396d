#include "storage/reads.h"

#include <algorithm>
#include <unordered_map>

#include "base/hash.h"
#include "storage/attribute_text.h"

namespace tidemark {
namespace {

constexpr int64_t kSeenSlackNs = 2 * kNsPerMinute;  // twice what a sighting may lag on disk

struct Seen {
  int64_t first_ns = 0, last_ns = 0;
};
using SeenMap = std::unordered_map<uint64_t, Seen>;

void Widen(SeenMap* seen, uint64_t id, int64_t first_ns, int64_t last_ns) {
  const auto [it, added] = seen->try_emplace(id, Seen{first_ns, last_ns});
  it->second.first_ns = std::min(it->second.first_ns, first_ns);
  it->second.last_ns = std::max(it->second.last_ns, last_ns);
}

Result<void> CollectSeen(Engine* engine, const Sql& sql, SeenMap* seen) {
  return engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      Widen(seen, chunk.UInt64(0)[i], chunk.Int64(1)[i], chunk.Int64(2)[i]);
    }
    return {};
  });
}

Result<void> LoadGroup(Engine* engine, TableGroup group, const SeenMap& seen,
                       TargetTable* targets) {
  // Partition by partition, so that the attributes of the newest count.
  for (const int64_t start_ns : engine->Partitions(group)) {
    const Sql sql(
        "SELECT target_id, service, service_namespace, version, instance, attributes "
        "FROM {table:targets}",
        group, {start_ns, start_ns + 1});
    auto loaded = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
      for (size_t i = 0; i < chunk.rows; ++i) {
        const auto found = seen.find(chunk.UInt64(0)[i]);
        if (found == seen.end()) continue;
        const Resource resource{
            {chunk.Bytes(1)[i], chunk.Bytes(2)[i], chunk.Bytes(3)[i], chunk.Bytes(4)[i]},
            ParseCanonicalText(chunk.Bytes(5)[i])};
        targets->Observe(resource, found->second.first_ns, found->second.last_ns);
      }
      return {};
    });
    TIDEMARK_RETURN_IF_ERROR(loaded);
  }
  return {};
}

}  // namespace

Result<TimeRange> RangeOf(int64_t from_ns, int64_t to_ns) {
  TimeRange range;
  range.from_ns = from_ns;
  if (to_ns != 0) range.to_ns = to_ns;
  if (range.from_ns >= range.to_ns) {
    return InvalidArgument("empty time range: from " + FormatRfc3339(from_ns) + " to " +
                           FormatRfc3339(to_ns));
  }
  return range;
}

Result<uint64_t> MaxOf(Engine* engine, TableGroup group, std::string_view text, TimeRange range) {
  uint64_t value = 0;
  auto read =
      engine->Query(Sql(text, group, range), {}, [&](const ColumnChunk& chunk) -> Result<void> {
        for (const uint64_t found : chunk.UInt64(0)) value = std::max(value, found);
        return {};
      });
  if (!read) return read.error();
  return value;
}

Result<void> LoadTargets(Engine* engine, TargetTable* targets) {
  SeenMap seen;
  for (const TableGroup group : {TableGroup::kPoints, TableGroup::kProfiles}) {
    const Sql sql(
        "SELECT target_id, min(first_ns) AS f, max(last_ns) AS l FROM {table:target_seen} "
        "GROUP BY target_id",
        group);
    TIDEMARK_RETURN_IF_ERROR(CollectSeen(engine, sql, &seen));
  }
  int64_t newest_ns = 0;
  for (const auto& [id, times] : seen) newest_ns = std::max(newest_ns, times.last_ns);
  // The last sightings lag on disk; for those that still send, their rows say better.
  const TimeRange recent{std::max<int64_t>(0, newest_ns - kSeenSlackNs)};
  Sql points(
      "SELECT target_id, min(first_ts) AS f, max(last_ts) AS l FROM "
      "(SELECT series_ref, target_id FROM {table:series} GROUP BY series_ref, target_id) AS a "
      "INNER JOIN (SELECT series_ref, min(ts) AS first_ts, max(ts) AS last_ts "
      "FROM {table:points} WHERE ts >= {from} GROUP BY series_ref) AS b USING (series_ref) "
      "GROUP BY target_id",
      TableGroup::kPoints, recent);
  TIDEMARK_RETURN_IF_ERROR(CollectSeen(engine, points.Bind("from", recent.from_ns), &seen));
  const Sql profiles(
      "SELECT target_id, min(ts) AS f, max(ts) AS l FROM {table:profiles} GROUP BY target_id",
      TableGroup::kProfiles);
  TIDEMARK_RETURN_IF_ERROR(CollectSeen(engine, profiles, &seen));
  TIDEMARK_RETURN_IF_ERROR(LoadGroup(engine, TableGroup::kPoints, seen, targets));
  return LoadGroup(engine, TableGroup::kProfiles, seen, targets);
}

Result<void> LoadDictionaryFrom(Engine* engine, TableGroup group, int64_t start_ns,
                                PartitionDictionary* dictionary) {
  if (group == TableGroup::kMeta) return {};
  const bool points = group == TableGroup::kPoints;
  const TimeRange partition{start_ns, start_ns + 1};
  const Sql refs(points ? "SELECT series_id, series_ref FROM {table:series}"
                        : "SELECT stack_id, stack_ref FROM {table:stacks}",
                 group, partition);
  QueryLimits limits;
  limits.max_rows = SIZE_MAX;
  auto read = engine->Query(refs, limits, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      dictionary->refs.Load(chunk.UInt64(0)[i], chunk.UInt64(1)[i]);
    }
    return {};
  });
  if (!read || points) return read;
  const Sql frames("SELECT frame_id FROM {table:frames}", group, partition);
  return engine->Query(frames, limits, [&](const ColumnChunk& chunk) -> Result<void> {
    for (const uint64_t id : chunk.UInt64(0)) dictionary->frames.Add(id);
    return {};
  });
}

Result<std::vector<Document>> ReadDocumentsFrom(Engine* engine, const std::string& kind) {
  Sql sql(
      "SELECT argMax(id, version) AS newest_id, argMax(payload, version) AS newest_payload, "
      "argMax(updated_ns, version) AS newest_ns, document_id FROM {table:documents} "
      "WHERE kind_id = {kind} GROUP BY document_id ORDER BY newest_ns, document_id",
      TableGroup::kMeta);
  sql.Bind("kind", Hash64(kind));
  std::vector<Document> documents;
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      documents.push_back({kind, chunk.Bytes(0)[i], chunk.Bytes(1)[i], chunk.Int64(2)[i]});
    }
    return {};
  });
  if (!read) return read.error();
  return documents;
}

}  // namespace tidemark
