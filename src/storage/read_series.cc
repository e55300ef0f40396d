// ReadSeries: the names first, then the points of those names.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/hash.h"
#include "storage/attribute_text.h"
#include "storage/reads.h"

namespace tidemark {
namespace {

constexpr size_t kMaxSeries = 100'000;

// The series that match, by id; several refs (partitions, re-sent names) may stand for one.
struct SeriesNames {
  std::unordered_map<uint64_t, size_t> index_of_ref;
  std::unordered_map<uint64_t, size_t> index_of_id;
  std::vector<Series> series;
};

Result<SeriesNames> FindSeries(Engine* engine, const TargetTable& targets, const SeriesQuery& query,
                               TimeRange range) {
  SeriesNames names;
  const auto ids = targets.Match(query.filter);
  Sql sql(ids ? "SELECT series_ref, series_id, target_id, unit, attributes FROM {table:series} "
                "WHERE metric_id = {metric} AND target_id IN ({targets})"
              : "SELECT series_ref, series_id, target_id, unit, attributes FROM {table:series} "
                "WHERE metric_id = {metric}",
          TableGroup::kPoints, range);
  sql.Bind("metric", Hash64(query.metric));
  if (ids) sql.Bind("targets", *ids);
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      const auto [it, added] =
          names.index_of_id.try_emplace(chunk.UInt64(1)[i], names.series.size());
      names.index_of_ref[chunk.UInt64(0)[i]] = it->second;
      if (!added) continue;
      if (names.series.size() >= kMaxSeries) {
        return TooLarge("metric " + query.metric + " has more than " + std::to_string(kMaxSeries) +
                        " series here; filter by service or instance");
      }
      names.series.push_back({targets.Find(chunk.UInt64(2)[i]),
                              query.metric,
                              chunk.Bytes(3)[i],
                              ParseCanonicalText(chunk.Bytes(4)[i]),
                              {}});
    }
    return {};
  });
  if (!read) return read.error();
  return names;
}

std::vector<uint64_t> Refs(const SeriesNames& names) {
  std::vector<uint64_t> refs;
  refs.reserve(names.index_of_ref.size());
  for (const auto& [ref, index] : names.index_of_ref) refs.push_back(ref);
  std::sort(refs.begin(), refs.end());
  return refs;
}

Error TooManyPoints(const SeriesQuery& query) {
  return TooLarge("more than " + std::to_string(query.max_points) + " points of " + query.metric +
                  "; set a step, shorten the range or filter by service or instance");
}

// A point as read: of equal times the highest seq counts.
struct RawPoint {
  int64_t time_ns;
  double value;
  uint64_t seq;
};

Result<void> ReadRaw(Engine* engine, const SeriesQuery& query, TimeRange range,
                     SeriesNames* names) {
  Sql sql(
      "SELECT series_ref, ts, value, seq FROM {table:points} WHERE ts >= {from} AND ts < {to} "
      "AND series_ref IN ({refs})",
      TableGroup::kPoints, range);
  sql.Bind("from", range.from_ns).Bind("to", range.to_ns).Bind("refs", Refs(*names));
  std::vector<std::vector<RawPoint>> points(names->series.size());
  size_t rows = 0;
  const size_t max_rows = query.max_points * 2;  // duplicates are not yet collapsed
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    rows += chunk.rows;
    if (rows > max_rows) return TooManyPoints(query);
    for (size_t i = 0; i < chunk.rows; ++i) {
      points[names->index_of_ref.at(chunk.UInt64(0)[i])].push_back(
          {chunk.Int64(1)[i], chunk.Float64(2)[i], chunk.UInt64(3)[i]});
    }
    return {};
  });
  TIDEMARK_RETURN_IF_ERROR(read);
  size_t kept = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    std::sort(points[i].begin(), points[i].end(), [](const RawPoint& a, const RawPoint& b) {
      return a.time_ns != b.time_ns ? a.time_ns < b.time_ns : a.seq < b.seq;
    });
    std::vector<SeriesPoint>& out = names->series[i].points;
    for (const RawPoint& point : points[i]) {
      if (!out.empty() && out.back().time_ns == point.time_ns) {
        out.back().value = point.value;
      } else {
        out.push_back({point.time_ns, point.value});
      }
    }
    kept += out.size();
  }
  if (kept > query.max_points) return TooManyPoints(query);
  return {};
}

struct Mean {
  double sum = 0;
  uint64_t count = 0;
};

Result<void> ReadSteps(Engine* engine, const SeriesQuery& query, TimeRange range,
                       SeriesNames* names) {
  Sql sql(
      "SELECT series_ref, step, sum(value) AS total, toUInt64(count(*)) AS n FROM "
      "(SELECT series_ref, ts, intDiv(ts, {step}) AS step, argMax(value, seq) AS value "
      "FROM {table:points} WHERE ts >= {from} AND ts < {to} AND series_ref IN ({refs}) "
      "GROUP BY series_ref, ts, step) AS latest GROUP BY series_ref, step",
      TableGroup::kPoints, range);
  sql.Bind("step", query.step_ns).Bind("from", range.from_ns).Bind("to", range.to_ns);
  sql.Bind("refs", Refs(*names));
  std::vector<std::map<int64_t, Mean>> means(names->series.size());
  size_t kept = 0;
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      const auto [it, added] = means[names->index_of_ref.at(chunk.UInt64(0)[i])].try_emplace(
          chunk.Int64(1)[i] * query.step_ns);
      it->second.sum += chunk.Float64(2)[i];
      it->second.count += chunk.UInt64(3)[i];
      kept += added ? 1 : 0;
    }
    if (kept > query.max_points) return TooManyPoints(query);
    return {};
  });
  TIDEMARK_RETURN_IF_ERROR(read);
  for (size_t i = 0; i < means.size(); ++i) {
    for (const auto& [time_ns, mean] : means[i]) {
      names->series[i].points.push_back({time_ns, mean.sum / static_cast<double>(mean.count)});
    }
  }
  return {};
}

}  // namespace

Result<std::vector<Series>> ReadSeriesFrom(Engine* engine, const TargetTable& targets,
                                           const SeriesQuery& query) {
  TIDEMARK_ASSIGN_OR_RETURN(const TimeRange range, RangeOf(query.from_ns, query.to_ns));
  if (query.step_ns < 0) {
    return InvalidArgument("step of " + std::to_string(query.step_ns) + " ns; it must be positive");
  }
  TIDEMARK_ASSIGN_OR_RETURN(SeriesNames names, FindSeries(engine, targets, query, range));
  if (names.series.empty()) return std::vector<Series>{};
  TIDEMARK_RETURN_IF_ERROR(query.step_ns > 0 ? ReadSteps(engine, query, range, &names)
                                             : ReadRaw(engine, query, range, &names));
  std::erase_if(names.series, [](const Series& series) { return series.points.empty(); });
  std::sort(names.series.begin(), names.series.end(), [](const Series& a, const Series& b) {
    return a.target != b.target ? a.target < b.target : a.attributes < b.attributes;
  });
  return std::move(names.series);
}

}  // namespace tidemark
