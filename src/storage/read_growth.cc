// ReadGrowth: the first quarter of a range against its last.
#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "storage/reads.h"

namespace tidemark {
namespace {

constexpr size_t kMaxGrowthRows = 10'000;

// Mean in-use bytes of one target in one quarter, and the mean time of its profiles.
struct Level {
  double bytes = 0, time_ns = 0;
};
using Levels = std::unordered_map<uint64_t, Level>;

struct Extent {
  int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
};

void BindScope(TimeRange range, const std::optional<std::vector<uint64_t>>& ids, Sql* sql) {
  sql->Bind("from", range.from_ns).Bind("to", range.to_ns);
  if (ids) sql->Bind("targets", *ids);
}

Result<Extent> ReadExtent(Engine* engine, TimeRange range,
                          const std::optional<std::vector<uint64_t>>& ids) {
  Sql sql(ids ? "SELECT target_id, min(ts) AS f, max(ts) AS l FROM {table:profiles} "
                "WHERE ts >= {from} AND ts < {to} AND target_id IN ({targets}) GROUP BY target_id"
              : "SELECT target_id, min(ts) AS f, max(ts) AS l FROM {table:profiles} "
                "WHERE ts >= {from} AND ts < {to} GROUP BY target_id",
          TableGroup::kProfiles, range);
  BindScope(range, ids, &sql);
  Extent extent;
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      extent.first_ns = std::min(extent.first_ns, chunk.Int64(1)[i]);
      extent.last_ns = std::max(extent.last_ns, chunk.Int64(2)[i]);
    }
    return {};
  });
  if (!read) return read.error();
  return extent;
}

Result<Levels> ReadLevels(Engine* engine, TimeRange range,
                          const std::optional<std::vector<uint64_t>>& ids) {
  Sql sql(ids ? "SELECT target_id, avg(toFloat64(inuse_bytes)) AS b, avg(toFloat64(ts)) AS t "
                "FROM {table:profiles} WHERE ts >= {from} AND ts < {to} "
                "AND target_id IN ({targets}) GROUP BY target_id"
              : "SELECT target_id, avg(toFloat64(inuse_bytes)) AS b, avg(toFloat64(ts)) AS t "
                "FROM {table:profiles} WHERE ts >= {from} AND ts < {to} GROUP BY target_id",
          TableGroup::kProfiles, range);
  BindScope(range, ids, &sql);
  Levels levels;
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      levels[chunk.UInt64(0)[i]] = {chunk.Float64(1)[i], chunk.Float64(2)[i]};
    }
    return {};
  });
  if (!read) return read.error();
  return levels;
}

struct Quarters {
  TimeRange first, last;
};

// In-use bytes by function: of the stacks that hold it, and of those whose leaf it is.
struct FunctionBytes {
  double held = 0, self = 0;
};

std::map<std::string, FunctionBytes> ByFunction(const Profile& profile) {
  std::map<std::string, FunctionBytes> bytes;
  for (const Sample& sample : profile.samples) {
    std::set<std::string_view> counted;  // a recursive function counts once
    bool leaf = true;
    for (const uint32_t location : sample.locations) {
      for (const Line& line : profile.locations[location].lines) {
        const std::string& name = profile.functions[line.function].name;
        const auto value = static_cast<double>(sample.values[0]);
        if (leaf) bytes[name].self += value;
        leaf = false;
        if (counted.insert(name).second) bytes[name].held += value;
      }
      leaf = false;
    }
  }
  return bytes;
}

Result<std::vector<GrowthRow>> FunctionRows(Engine* engine, const Quarters& quarters,
                                            const Levels& first, const Levels& last) {
  std::vector<uint64_t> common;
  double hours = 0;
  for (const auto& [id, level] : first) {
    const auto found = last.find(id);
    if (found == last.end()) continue;
    common.push_back(id);
    hours += (found->second.time_ns - level.time_ns) / static_cast<double>(kNsPerHour);
  }
  if (common.empty()) return std::vector<GrowthRow>{};
  hours /= static_cast<double>(common.size());
  TIDEMARK_ASSIGN_OR_RETURN(const Profile before,
                            ReadProfileOf(engine, quarters.first, common, false));
  TIDEMARK_ASSIGN_OR_RETURN(const Profile after,
                            ReadProfileOf(engine, quarters.last, common, false));
  std::map<std::string, GrowthRow> rows;
  std::map<std::string, FunctionBytes> base = ByFunction(before);
  for (const auto& [name, bytes] : ByFunction(after)) base.try_emplace(name);
  const std::map<std::string, FunctionBytes> top = ByFunction(after);
  for (const auto& [name, bytes] : base) {
    const auto found = top.find(name);
    const FunctionBytes now = found == top.end() ? FunctionBytes{} : found->second;
    GrowthRow& row = rows[name];
    row.function = name;
    row.first_bytes = bytes.held;
    row.last_bytes = now.held;
    row.bytes_per_hour = (now.held - bytes.held) / hours;
    row.self_bytes_per_hour = (now.self - bytes.self) / hours;
    row.instances = common.size();
  }
  std::vector<GrowthRow> out;
  for (auto& [name, row] : rows) out.push_back(std::move(row));
  return out;
}

std::vector<GrowthRow> TargetRows(const TargetTable& targets, GrowthBy by, const Levels& first,
                                  const Levels& last) {
  std::map<Target, GrowthRow> rows;
  for (const auto& [id, before] : first) {
    const auto found = last.find(id);
    if (found == last.end()) continue;
    const Level& after = found->second;
    Target key = targets.Find(id);
    if (by == GrowthBy::kVersion) key.instance.clear();
    GrowthRow& row = rows[key];
    row.target = key;
    row.first_bytes += before.bytes;
    row.last_bytes += after.bytes;
    row.bytes_per_hour += (after.bytes - before.bytes) /
                          ((after.time_ns - before.time_ns) / static_cast<double>(kNsPerHour));
    ++row.instances;
  }
  std::vector<GrowthRow> out;
  for (auto& [key, row] : rows) out.push_back(std::move(row));
  return out;
}

}  // namespace

Result<std::vector<GrowthRow>> ReadGrowthFrom(Engine* engine, const TargetTable& targets,
                                              const GrowthQuery& query) {
  TIDEMARK_ASSIGN_OR_RETURN(TimeRange range, RangeOf(query.from_ns, query.to_ns));
  const auto ids = targets.Match(query.filter);
  TIDEMARK_ASSIGN_OR_RETURN(const Extent extent, ReadExtent(engine, range, ids));
  // An open or generous range is that of the profiles in it.
  range = {std::max(range.from_ns, extent.first_ns), std::min(range.to_ns - 1, extent.last_ns) + 1};
  const int64_t quarter_ns = range.to_ns > range.from_ns ? (range.to_ns - range.from_ns) / 4 : 0;
  if (extent.first_ns >= extent.last_ns || quarter_ns == 0) return std::vector<GrowthRow>{};
  const Quarters quarters{{range.from_ns, range.from_ns + quarter_ns},
                          {range.to_ns - quarter_ns, range.to_ns}};
  TIDEMARK_ASSIGN_OR_RETURN(const Levels first, ReadLevels(engine, quarters.first, ids));
  TIDEMARK_ASSIGN_OR_RETURN(const Levels last, ReadLevels(engine, quarters.last, ids));
  std::vector<GrowthRow> rows;
  if (query.by == GrowthBy::kFunction) {
    TIDEMARK_ASSIGN_OR_RETURN(rows, FunctionRows(engine, quarters, first, last));
  } else {
    rows = TargetRows(targets, query.by, first, last);
  }
  std::stable_sort(rows.begin(), rows.end(), [](const GrowthRow& a, const GrowthRow& b) {
    return a.bytes_per_hour > b.bytes_per_hour;
  });
  if (rows.size() > kMaxGrowthRows) rows.resize(kMaxGrowthRows);
  return rows;
}

}  // namespace tidemark
