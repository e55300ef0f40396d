// ReadProfile: means by stack, then the stacks, then their frames; each a query of its own, so that
// no raw row is ever joined to a name.
#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>

#include "model/span.h"
#include "storage/reads.h"
#include "storage/stack_reader.h"

namespace tidemark {
namespace {

constexpr int64_t kMaxStackRefs = 100'000;  // of one result; the rest is "[other stacks]"
constexpr int64_t kMaxLinks = 1'000;
constexpr std::string_view kOtherStacks = "[other stacks]";

using Means = std::array<double, 4>;  // inuse bytes, inuse objects, alloc bytes, alloc objects

void AddTo(const Means& more, Means* sum) {
  for (size_t i = 0; i < sum->size(); ++i) (*sum)[i] += more[i];
}

struct Scope {
  TimeRange range;
  std::optional<std::vector<uint64_t>> targets;
};

// What the range holds: how many profiles of each target, and their mean totals, summed.
struct Coverage {
  std::unordered_map<uint64_t, double> profiles;  // by target
  uint64_t profile_count = 0;
  Means totals{};
  int64_t first_ns = INT64_MAX, last_ns = 0, period = 0;
};

void BindScope(const Scope& scope, Sql* sql) {
  sql->Bind("from", scope.range.from_ns).Bind("to", scope.range.to_ns);
  if (scope.targets) sql->Bind("targets", *scope.targets);
}

Result<Coverage> ReadCoverage(Engine* engine, const Scope& scope) {
  constexpr std::string_view kAll =
      "SELECT target_id, toUInt64(count(*)) AS n, min(ts) AS f, max(ts) AS l, max(period) AS p, "
      "toFloat64(sum(inuse_bytes)) AS ib, toFloat64(sum(inuse_objects)) AS io, "
      "toFloat64(sum(alloc_bytes)) AS ab, toFloat64(sum(alloc_objects)) AS ao "
      "FROM {table:profiles} WHERE ts >= {from} AND ts < {to} GROUP BY target_id";
  constexpr std::string_view kSome =
      "SELECT target_id, toUInt64(count(*)) AS n, min(ts) AS f, max(ts) AS l, max(period) AS p, "
      "toFloat64(sum(inuse_bytes)) AS ib, toFloat64(sum(inuse_objects)) AS io, "
      "toFloat64(sum(alloc_bytes)) AS ab, toFloat64(sum(alloc_objects)) AS ao "
      "FROM {table:profiles} WHERE ts >= {from} AND ts < {to} AND target_id IN ({targets}) "
      "GROUP BY target_id";
  Sql sql(scope.targets ? kSome : kAll, TableGroup::kProfiles, scope.range);
  BindScope(scope, &sql);
  Coverage coverage;
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      const uint64_t count = chunk.UInt64(1)[i];
      const auto n = static_cast<double>(count);
      coverage.profiles[chunk.UInt64(0)[i]] = n;
      coverage.profile_count += count;
      coverage.first_ns = std::min(coverage.first_ns, chunk.Int64(2)[i]);
      coverage.last_ns = std::max(coverage.last_ns, chunk.Int64(3)[i]);
      coverage.period = std::max(coverage.period, chunk.Int64(4)[i]);
      AddTo({chunk.Float64(5)[i] / n, chunk.Float64(6)[i] / n, chunk.Float64(7)[i] / n,
             chunk.Float64(8)[i] / n},
            &coverage.totals);
    }
    return {};
  });
  if (!read) return read.error();
  return coverage;
}

// The heaviest refs of the range. The mean per target is taken before the sum over targets.
Result<std::unordered_map<uint64_t, Means>> ReadStackMeans(Engine* engine, const Scope& scope) {
#define TIDEMARK_STACK_MEANS(filter)                                                          \
  "SELECT stack_ref, sum(ib / n) AS mib, sum(io / n) AS mio, sum(ab / n) AS mab, "            \
  "sum(ao / n) AS mao FROM (SELECT stack_ref, target_id, toFloat64(sum(inuse_bytes)) AS ib, " \
  "toFloat64(sum(inuse_objects)) AS io, toFloat64(sum(alloc_bytes)) AS ab, "                  \
  "toFloat64(sum(alloc_objects)) AS ao FROM {table:samples} WHERE ts >= {from} AND ts < "     \
  "{to}" filter                                                                               \
  " GROUP BY stack_ref, target_id) AS a INNER JOIN (SELECT target_id, "                       \
  "toFloat64(count(*)) AS n FROM {table:profiles} WHERE ts >= {from} AND ts < {to}" filter    \
  " GROUP BY target_id) AS b USING (target_id) GROUP BY stack_ref "                           \
  "ORDER BY mib DESC, mab DESC, stack_ref LIMIT {limit}"
  constexpr std::string_view kAll = TIDEMARK_STACK_MEANS("");
  constexpr std::string_view kSome = TIDEMARK_STACK_MEANS(" AND target_id IN ({targets})");
#undef TIDEMARK_STACK_MEANS
  Sql sql(scope.targets ? kSome : kAll, TableGroup::kProfiles, scope.range);
  BindScope(scope, &sql);
  sql.Bind("limit", kMaxStackRefs);
  std::unordered_map<uint64_t, Means> means;
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      means[chunk.UInt64(0)[i]] = {chunk.Float64(1)[i], chunk.Float64(2)[i], chunk.Float64(3)[i],
                                   chunk.Float64(4)[i]};
    }
    return {};
  });
  if (!read) return read.error();
  return means;
}

struct LinkMean {
  uint64_t stack_ref;
  TraceId trace;
  SpanId span;
  Means means{};
};

Result<std::vector<LinkMean>> ReadLinks(Engine* engine, const Scope& scope,
                                        const Coverage& coverage) {
  Sql sql(
      "SELECT stack_ref, target_id, trace_high, trace_low, span_id, "
      "toFloat64(sum(inuse_bytes)) AS ib, toFloat64(sum(inuse_objects)) AS io, "
      "toFloat64(sum(alloc_bytes)) AS ab, toFloat64(sum(alloc_objects)) AS ao "
      "FROM {table:sample_links} WHERE ts >= {from} AND ts < {to} AND target_id IN ({targets}) "
      "GROUP BY stack_ref, target_id, trace_high, trace_low, span_id "
      "ORDER BY ib DESC, ab DESC, trace_high, trace_low, span_id, stack_ref LIMIT {limit}",
      TableGroup::kProfiles, scope.range);
  BindScope(scope, &sql);
  sql.Bind("limit", kMaxLinks);
  std::vector<LinkMean> links;
  auto read = engine->Query(sql, {}, [&](const ColumnChunk& chunk) -> Result<void> {
    for (size_t i = 0; i < chunk.rows; ++i) {
      const auto found = coverage.profiles.find(chunk.UInt64(1)[i]);
      if (found == coverage.profiles.end()) continue;
      const double n = found->second;
      links.push_back({chunk.UInt64(0)[i],
                       {chunk.UInt64(2)[i], chunk.UInt64(3)[i]},
                       SpanId{chunk.UInt64(4)[i]},
                       {chunk.Float64(5)[i] / n, chunk.Float64(6)[i] / n, chunk.Float64(7)[i] / n,
                        chunk.Float64(8)[i] / n}});
    }
    return {};
  });
  if (!read) return read.error();
  return links;
}

bool IsZero(const Sample& sample) {
  return std::all_of(sample.values.begin(), sample.values.end(), [](int64_t v) { return v == 0; });
}

Sample MakeSample(const std::vector<uint32_t>& locations, const Means& means) {
  Sample sample;
  sample.locations = locations;
  for (const double mean : means) sample.values.push_back(std::llround(mean));
  return sample;
}

// Takes what the links name out of their stack's sample, so that the sum stays the stack's.
void AppendLinks(const std::vector<LinkMean>& links, const std::vector<uint32_t>& locations,
                 Means* rest, Profile* profile) {
  for (const LinkMean& link : links) {
    Sample sample = MakeSample(locations, link.means);
    sample.labels.push_back({"trace_id", ToHex(link.trace), 0, ""});
    if (link.span != SpanId::kNone) sample.labels.push_back({"span_id", ToHex(link.span), 0, ""});
    for (size_t i = 0; i < rest->size(); ++i)
      (*rest)[i] = std::max(0.0, (*rest)[i] - link.means[i]);
    if (!IsZero(sample)) profile->samples.push_back(std::move(sample));
  }
}

Profile EmptyProfile(const Coverage& coverage) {
  Profile profile;
  profile.sample_types = {{"inuse_space", "bytes"},
                          {"inuse_objects", "count"},
                          {"alloc_space", "bytes"},
                          {"alloc_objects", "count"}};
  profile.default_sample_type = "inuse_space";
  profile.period_type = {"space", "bytes"};
  profile.period = coverage.period;
  profile.time_ns = coverage.last_ns;
  profile.duration_ns = coverage.last_ns - coverage.first_ns;
  profile.comments = {"instances: " + std::to_string(coverage.profiles.size()),
                      "profiles: " + std::to_string(coverage.profile_count)};
  return profile;
}

void AppendOther(const Coverage& coverage, const Means& listed, Profile* profile) {
  Means other = coverage.totals;
  for (size_t i = 0; i < other.size(); ++i) other[i] = std::max(0.0, other[i] - listed[i]);
  Sample sample = MakeSample({static_cast<uint32_t>(profile->locations.size())}, other);
  if (IsZero(sample)) return;
  const auto function = static_cast<uint32_t>(profile->functions.size());
  profile->functions.push_back({std::string(kOtherStacks), "", "", 0});
  profile->locations.push_back({kNoIndex, 0, {{function, 0}}});
  profile->samples.push_back(std::move(sample));
}

}  // namespace

Result<Profile> ReadProfileOf(Engine* engine, TimeRange range,
                              const std::optional<std::vector<uint64_t>>& targets,
                              bool with_links) {
  const Scope scope{range, targets};
  TIDEMARK_ASSIGN_OR_RETURN(const Coverage coverage, ReadCoverage(engine, scope));
  if (coverage.profile_count == 0) {
    return NotFound("no profile from " + FormatRfc3339(range.from_ns) + " on that matches");
  }
  TIDEMARK_ASSIGN_OR_RETURN(const auto means, ReadStackMeans(engine, scope));
  std::unordered_map<uint64_t, std::vector<LinkMean>> links_of_ref;
  if (with_links) {
    TIDEMARK_ASSIGN_OR_RETURN(const std::vector<LinkMean> links,
                              ReadLinks(engine, scope, coverage));
    for (const LinkMean& link : links) links_of_ref[link.stack_ref].push_back(link);
  }
  std::vector<uint64_t> refs;
  for (const auto& [ref, mean] : means) refs.push_back(ref);
  Profile profile = EmptyProfile(coverage);
  StackReader reader(engine, range, &profile);
  TIDEMARK_ASSIGN_OR_RETURN(const std::vector<ResolvedStack> stacks, reader.Read(refs));

  Means listed{};
  for (const ResolvedStack& stack : stacks) {
    Means rest{};
    std::vector<LinkMean> links;
    for (const uint64_t ref : stack.refs) {
      AddTo(means.at(ref), &rest);
      const auto found = links_of_ref.find(ref);
      if (found == links_of_ref.end()) continue;
      links.insert(links.end(), found->second.begin(), found->second.end());
    }
    AddTo(rest, &listed);
    AppendLinks(links, stack.locations, &rest, &profile);
    Sample sample = MakeSample(stack.locations, rest);
    if (!IsZero(sample)) profile.samples.push_back(std::move(sample));
  }
  AppendOther(coverage, listed, &profile);
  std::stable_sort(profile.samples.begin(), profile.samples.end(),
                   [](const Sample& a, const Sample& b) { return a.values > b.values; });
  return profile;
}

Result<Profile> ReadProfileFrom(Engine* engine, const TargetTable& targets,
                                const ProfileQuery& query) {
  TIDEMARK_ASSIGN_OR_RETURN(const TimeRange range, RangeOf(query.from_ns, query.to_ns));
  const auto ids = targets.Match(query.filter);
  auto profile = ReadProfileOf(engine, range, ids, !query.filter.instance.empty());
  if (!profile && profile.error().code == ErrorCode::kNotFound) {
    return NotFound("no profile of service '" + query.filter.service + "' version '" +
                    query.filter.version + "' instance '" + query.filter.instance + "' from " +
                    FormatRfc3339(range.from_ns) + " to " +
                    (query.to_ns == 0 ? "now" : FormatRfc3339(query.to_ns)));
  }
  return profile;
}

}  // namespace tidemark
