// Answers that come from the store: targets, series, profiles, growth, comparison of versions.
#include <boost/json.hpp>
#include <cmath>
#include <map>
#include <tuple>

#include "base/time.h"
#include "codec/pprof.h"
#include "flame/flame.h"
#include "query/answers.h"
#include "query/params.h"

namespace tidemark {
namespace {

namespace json = boost::json;

json::object AttributesJson(const Attributes& attributes) {
  json::object out;
  for (const auto& [key, value] : attributes) out[key] = value;
  return out;
}

// Mean over the members of a group, time by time.
std::vector<SeriesPoint> Average(const std::vector<const Series*>& members) {
  std::map<int64_t, std::pair<double, int>> sums;
  for (const Series* series : members) {
    for (const SeriesPoint& point : series->points) {
      auto& [sum, count] = sums[point.time_ns];
      sum += point.value;
      ++count;
    }
  }
  std::vector<SeriesPoint> out;
  for (const auto& [time_ns, sum] : sums) out.push_back({time_ns, sum.first / sum.second});
  return out;
}

json::array PointsJson(const std::vector<SeriesPoint>& points) {
  json::array out;
  for (const SeriesPoint& point : points)
    out.push_back(json::array{point.time_ns / 1'000'000, point.value});
  return out;
}

std::string FlameJson(const FlameGraph& graph, bool has_base) {
  json::array frames, nodes;
  for (const FrameText& frame : graph.frames) {
    frames.push_back({{"function", frame.function},
                      {"file", frame.file},
                      {"line", frame.line},
                      {"module", frame.module}});
  }
  for (const FlameNode& node : graph.nodes) {
    json::object out{
        {"frame", node.frame}, {"parent", node.parent}, {"value", node.value}, {"self", node.self}};
    if (has_base) out["delta"] = node.value - node.base_value;
    nodes.push_back(std::move(out));
  }
  json::object out{{"type", graph.type}, {"unit", graph.unit}, {"total", graph.total}};
  if (has_base) out["base_total"] = graph.base_total;
  out["frames"] = std::move(frames);
  out["nodes"] = std::move(nodes);
  return json::serialize(out);
}

const std::vector<std::string> kTypes = {"inuse_space", "inuse_objects", "alloc_space",
                                         "alloc_objects"};
const std::vector<std::string> kFormats = {"json", "pprof", "folded"};

// Before anything is read: a wrong choice is the caller's mistake, whatever the store holds.
Result<void> CheckRendering(const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(ChoiceParam(request, "type", kTypes));
  TIDEMARK_RETURN_IF_ERROR(ChoiceParam(request, "format", kFormats));
  return {};
}

Answer RenderProfile(const HttpRequest& request, const Profile& profile, const Profile* base) {
  TIDEMARK_ASSIGN_OR_RETURN(const std::string type, ChoiceParam(request, "type", kTypes));
  TIDEMARK_ASSIGN_OR_RETURN(const std::string format, ChoiceParam(request, "format", kFormats));
  if (format == "pprof") {
    HttpResponse response{.content_type = "application/octet-stream", .body = EncodePprof(profile)};
    response.headers.emplace_back("Content-Disposition", "attachment; filename=\"profile.pb.gz\"");
    return response;
  }
  TIDEMARK_ASSIGN_OR_RETURN(const FlameGraph graph, BuildFlame(profile, base, {.type = type}));
  if (format == "folded") return HttpResponse{.body = Folded(graph)};
  return JsonResponse(FlameJson(graph, base != nullptr));
}

// `profile` minus `base` as one profile: base's samples follow with their values negated, as `go
// tool pprof -diff_base` writes it.
Profile Subtract(Profile profile, const Profile& base) {
  const auto shift_function = static_cast<uint32_t>(profile.functions.size());
  const auto shift_mapping = static_cast<uint32_t>(profile.mappings.size());
  const auto shift_location = static_cast<uint32_t>(profile.locations.size());
  profile.functions.insert(profile.functions.end(), base.functions.begin(), base.functions.end());
  profile.mappings.insert(profile.mappings.end(), base.mappings.begin(), base.mappings.end());
  for (Location location : base.locations) {
    if (location.mapping != kNoIndex) location.mapping += shift_mapping;
    for (Line& line : location.lines) line.function += shift_function;
    profile.locations.push_back(std::move(location));
  }
  for (Sample sample : base.samples) {
    for (uint32_t& location : sample.locations) location += shift_location;
    for (int64_t& value : sample.values) value = -value;
    sample.values.resize(profile.sample_types.size(), 0);
    profile.samples.push_back(std::move(sample));
  }
  return profile;
}

// Least-squares slope in units an hour; nothing for fewer than three points.
double SlopePerHour(const std::vector<SeriesPoint>& points) {
  if (points.size() < 3) return 0;
  const double n = static_cast<double>(points.size());
  const double t0 = static_cast<double>(points[0].time_ns);
  double st = 0, sy = 0, stt = 0, sty = 0;
  for (const SeriesPoint& point : points) {
    const double t = (static_cast<double>(point.time_ns) - t0) / static_cast<double>(kNsPerHour);
    st += t;
    sy += point.value;
    stt += t * t;
    sty += t * point.value;
  }
  const double spread = stt - st * st / n;
  return spread > 0 ? (sty - st * sy / n) / spread : 0;
}

// One column of the before / after table.
struct VersionFacts {
  double growth_bytes_per_hour = 0, heap_bytes = 0, p99_ms = 0, error_share = 0, capture_bytes = 0;
  uint64_t requests = 0;
  size_t instances = 0;
};

Result<VersionFacts> FactsOf(const ApiContext& context, const std::string& service,
                             const std::string& version) {
  VersionFacts facts;
  TIDEMARK_ASSIGN_OR_RETURN(
      const auto series,
      context.store->ReadSeries(
          {.filter = {.service = service, .version = version}, .metric = "heap"}));
  for (const Series& each : series) {
    if (each.points.empty()) continue;
    facts.growth_bytes_per_hour += SlopePerHour(each.points);
    facts.heap_bytes += each.points.back().value;
    ++facts.instances;
  }
  if (facts.instances == 0) {
    return NotFound("no heap series of service '" + service + "' version '" + version +
                    "'; GET /api/v1/targets lists both");
  }
  facts.growth_bytes_per_hour /= static_cast<double>(facts.instances);
  facts.heap_bytes /= static_cast<double>(facts.instances);
  uint64_t errors = 0;
  TIDEMARK_ASSIGN_OR_RETURN(const auto routes, context.live->Routes(service));
  for (const RouteStats& route : routes) {
    if (route.version != version) continue;
    facts.requests += route.ended;
    errors += route.errors;
    facts.p99_ms = std::max(facts.p99_ms, route.p99_ms);
  }
  if (facts.requests > 0)
    facts.error_share = static_cast<double>(errors) / static_cast<double>(facts.requests);
  TIDEMARK_ASSIGN_OR_RETURN(const auto captures, context.store->ReadDocuments("capture"));
  for (const Document& document : captures) {
    boost::system::error_code status;
    const json::value value = json::parse(document.payload, status);
    if (status || !value.is_object()) continue;
    const json::object& capture = value.get_object();
    const auto text = [&](const char* key) {
      const json::value* found = capture.if_contains(key);
      return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                    : std::string();
    };
    const json::value* bytes = capture.if_contains("bytes");
    if (text("service") == service && text("version") == version && bytes != nullptr &&
        bytes->is_int64()) {
      facts.capture_bytes = std::max(facts.capture_bytes, static_cast<double>(bytes->get_int64()));
    }
  }
  return facts;
}

json::object CompareRow(const char* name, const char* unit, double before, double after) {
  json::object row{{"name", name},
                   {"unit", unit},
                   {"before", before},
                   {"after", after},
                   {"delta", after - before}};
  row["delta_percent"] =
      before != 0 ? json::value((after - before) / std::abs(before) * 100) : json::value(nullptr);
  return row;
}

}  // namespace

Answer AnswerTargets(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {}));
  TIDEMARK_ASSIGN_OR_RETURN(const auto rows, context.store->ReadTargets());
  json::array targets;
  for (const TargetRow& row : rows) {
    const Target& target = row.resource.target;
    targets.push_back({{"service", target.service},
                       {"namespace", target.service_namespace},
                       {"version", target.version},
                       {"instance", target.instance},
                       {"first_seen", FormatRfc3339(row.first_seen_ns)},
                       {"last_seen", FormatRfc3339(row.last_seen_ns)},
                       {"attributes", AttributesJson(row.resource.attributes)}});
  }
  return JsonResponse(json::serialize(json::object{{"targets", std::move(targets)}}));
}

Answer AnswerSeries(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {"service", "namespace", "version", "instance",
                                                 "metric", "by", "from", "to", "step"}));
  SeriesQuery query{.filter = FilterFrom(request), .metric = QueryOr(request, "metric")};
  if (query.metric.empty()) {
    return InvalidArgument(
        "parameter 'metric' is missing: heap, rss, limit, active_spans, req_rate or a name as "
        "sent");
  }
  TIDEMARK_ASSIGN_OR_RETURN(const std::string by,
                            ChoiceParam(request, "by", {"instance", "version"}));
  TIDEMARK_ASSIGN_OR_RETURN(query.from_ns, TimeParam(request, "from"));
  TIDEMARK_ASSIGN_OR_RETURN(query.to_ns, TimeParam(request, "to"));
  TIDEMARK_ASSIGN_OR_RETURN(query.step_ns, DurationParam(request, "step"));
  // Instances report at different moments; a mean over them needs common steps.
  if (by == "version" && query.step_ns == 0) query.step_ns = 10 * kNsPerSecond;
  TIDEMARK_ASSIGN_OR_RETURN(const auto series, context.store->ReadSeries(query));

  using Key = std::tuple<std::string, std::string, std::string, std::string>;
  std::map<Key, std::vector<const Series*>> groups;
  for (const Series& each : series) {
    groups[{each.target.service, each.target.version, by == "instance" ? each.target.instance : "",
            CanonicalText(each.attributes)}]
        .push_back(&each);
  }
  json::array out;
  for (const auto& [key, members] : groups) {
    const Series& first = *members[0];
    out.push_back({{"service", std::get<0>(key)},
                   {"version", std::get<1>(key)},
                   {"instance", std::get<2>(key)},
                   {"attributes", AttributesJson(first.attributes)},
                   {"points", PointsJson(members.size() == 1 ? first.points : Average(members))}});
  }
  const std::string unit = series.empty() ? "" : series[0].unit;
  return JsonResponse(json::serialize(json::object{
      {"metric", query.metric}, {"unit", unit}, {"by", by}, {"series", std::move(out)}}));
}

Answer AnswerProfile(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(
      request, {"service", "namespace", "version", "instance", "type", "from", "to", "format"}));
  TIDEMARK_RETURN_IF_ERROR(CheckRendering(request));
  ProfileQuery query{.filter = FilterFrom(request)};
  TIDEMARK_ASSIGN_OR_RETURN(query.from_ns, TimeParam(request, "from"));
  TIDEMARK_ASSIGN_OR_RETURN(query.to_ns, TimeParam(request, "to"));
  TIDEMARK_ASSIGN_OR_RETURN(const Profile profile, context.store->ReadProfile(query));
  return RenderProfile(request, profile, nullptr);
}

Answer AnswerProfileDiff(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(
      CheckParams(request, {"service", "namespace", "version", "instance", "type", "from", "to",
                            "base_from", "base_to", "base_version", "base_instance", "format"}));
  TIDEMARK_RETURN_IF_ERROR(CheckRendering(request));
  ProfileQuery query{.filter = FilterFrom(request)}, base_query{.filter = FilterFrom(request)};
  TIDEMARK_ASSIGN_OR_RETURN(query.from_ns, TimeParam(request, "from"));
  TIDEMARK_ASSIGN_OR_RETURN(query.to_ns, TimeParam(request, "to"));
  TIDEMARK_ASSIGN_OR_RETURN(base_query.from_ns, TimeParam(request, "base_from"));
  TIDEMARK_ASSIGN_OR_RETURN(base_query.to_ns, TimeParam(request, "base_to"));
  if (const std::string version = QueryOr(request, "base_version"); !version.empty()) {
    base_query.filter.version = version;
  }
  if (const std::string instance = QueryOr(request, "base_instance"); !instance.empty()) {
    base_query.filter.instance = instance;
  }
  TIDEMARK_ASSIGN_OR_RETURN(const Profile profile, context.store->ReadProfile(query));
  auto base = context.store->ReadProfile(base_query);
  // Nothing was recorded in the base range: all there is now has grown since.
  if (!base && base.error().code != ErrorCode::kNotFound) return base.error();
  Profile nothing;
  nothing.sample_types = profile.sample_types;
  const Profile& before = base ? *base : nothing;
  if (QueryOr(request, "format") == "pprof")
    return RenderProfile(request, Subtract(profile, before), nullptr);
  return RenderProfile(request, profile, &before);
}

Answer AnswerGrowth(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(
      CheckParams(request, {"service", "namespace", "version", "instance", "by", "from", "to"}));
  TIDEMARK_ASSIGN_OR_RETURN(
      const std::string by,
      ChoiceParam(request, "by", {"function", "version", "instance", "route", "trace"}));
  TIDEMARK_ASSIGN_OR_RETURN(const int64_t from_ns, TimeParam(request, "from"));
  TIDEMARK_ASSIGN_OR_RETURN(const int64_t to_ns, TimeParam(request, "to"));
  json::array rows;
  const auto add = [&](const std::string& key, double growth, double inuse) {
    rows.push_back({{"key", key}, {"growth_bytes_per_hour", growth}, {"inuse_bytes", inuse}});
  };
  if (by == "route" || by == "trace") {
    TIDEMARK_ASSIGN_OR_RETURN(const auto known,
                              context.live->GrowthRows(QueryOr(request, "service"), by));
    for (const KeyedGrowth& row : known) {
      add(row.key, row.growth_bytes_per_hour, row.inuse_bytes);
    }
  } else {
    const GrowthBy dimension = by == "function"  ? GrowthBy::kFunction
                               : by == "version" ? GrowthBy::kVersion
                                                 : GrowthBy::kInstance;
    TIDEMARK_ASSIGN_OR_RETURN(
        const auto growth,
        context.store->ReadGrowth({FilterFrom(request), dimension, from_ns, to_ns}));
    for (const GrowthRow& row : growth) {
      const std::string& key = by == "function"  ? row.function
                               : by == "version" ? row.target.version
                                                 : row.target.instance;
      add(key, row.bytes_per_hour, row.last_bytes);
    }
  }
  return JsonResponse(json::serialize(json::object{{"by", by}, {"rows", std::move(rows)}}));
}

Answer AnswerCompare(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {"service", "before", "after"}));
  for (const char* name : {"service", "before", "after"}) {
    if (QueryOr(request, name).empty())
      return InvalidArgument(std::string("parameter '") + name + "' is missing");
  }
  const std::string service = QueryOr(request, "service");
  TIDEMARK_ASSIGN_OR_RETURN(const VersionFacts before,
                            FactsOf(context, service, QueryOr(request, "before")));
  TIDEMARK_ASSIGN_OR_RETURN(const VersionFacts after,
                            FactsOf(context, service, QueryOr(request, "after")));
  json::array rows;
  rows.push_back(CompareRow("memory growth per hour and instance", "By/h",
                            before.growth_bytes_per_hour, after.growth_bytes_per_hour));
  rows.push_back(CompareRow("heap per instance", "By", before.heap_bytes, after.heap_bytes));
  rows.push_back(CompareRow("p99 request latency", "ms", before.p99_ms, after.p99_ms));
  rows.push_back(
      CompareRow("requests", "{request}", double(before.requests), double(after.requests)));
  rows.push_back(
      CompareRow("failed requests", "%", before.error_share * 100, after.error_share * 100));
  rows.push_back(CompareRow("largest capture", "By", before.capture_bytes, after.capture_bytes));
  return JsonResponse(json::serialize(json::object{{"service", service},
                                                   {"before", QueryOr(request, "before")},
                                                   {"after", QueryOr(request, "after")},
                                                   {"rows", std::move(rows)}}));
}

}  // namespace tidemark
