#include "heapreport/report_json.h"

#include <boost/json.hpp>

#include "base/time.h"
#include "heapreport/words.h"

namespace tidemark {
namespace {

namespace json = boost::json;

json::value Time(int64_t time_ns) {
  return time_ns == 0 ? json::value(nullptr) : json::value(FormatRfc3339(time_ns));
}
std::string_view RuntimeName(HeapRuntime runtime) {
  switch (runtime) {
    case HeapRuntime::kGo:
      return "go";
    case HeapRuntime::kJvm:
      return "jvm";
    case HeapRuntime::kNode:
      return "node";
    case HeapRuntime::kOther:
      return "other";
  }
  return "other";
}

json::array Strings(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object Amount(uint64_t objects, uint64_t bytes) {
  return {{"objects", objects}, {"bytes", bytes}};
}

json::object DumpJson(const HeapReport& report) {
  json::object facts;
  for (const auto& [key, value] : report.facts) facts[key] = value;
  return {{"file", report.file},
          {"format", report.format},
          {"runtime", RuntimeName(report.runtime)},
          {"file_bytes", report.file_bytes},
          {"time", Time(report.time_ns)},
          {"facts", std::move(facts)},
          {"partial", !report.damage.empty()},
          {"damage", report.damage}};
}

json::object TotalsJson(const HeapReport& report) {
  return {{"all", Amount(report.objects, report.bytes)},
          {"owned", Amount(report.owned_objects, report.owned_bytes)},
          {"shared", Amount(report.shared_objects, report.shared_bytes)},
          {"garbage", Amount(report.garbage_objects, report.garbage_bytes)},
          {"references", report.references},
          {"roots", report.roots}};
}

json::array SuspectsJson(const HeapReport& report) {
  json::array rows;
  for (const ReportSuspect& suspect : report.suspects) {
    json::array path;
    for (const ReportStep& step : suspect.path) {
      path.push_back({{"how", step.how},
                      {"what", step.what},
                      {"address", FormatAddress(step.address, report.addresses_are_ids)},
                      {"retained_bytes", step.retained_bytes}});
    }
    rows.push_back({{"sentence", suspect.sentence},
                    {"chain", Strings(suspect.chain)},
                    {"group", suspect.group},
                    {"objects", suspect.objects},
                    {"retained_bytes", suspect.retained_bytes},
                    {"pile_bytes", suspect.pile_bytes},
                    {"ended_spans", suspect.ended_spans},
                    {"share", suspect.share},
                    {"piled_type", suspect.piled_type},
                    {"piled_objects", suspect.piled_objects},
                    {"piled_bytes", suspect.piled_bytes},
                    {"path", std::move(path)}});
  }
  return rows;
}

json::array Counts(const std::vector<NamedCount>& counts) {
  json::array rows;
  for (const NamedCount& row : counts) rows.push_back({{"name", row.name}, {"count", row.count}});
  return rows;
}

json::array SpansJson(const HeapReport& report) {
  json::array rows;
  for (const HeldSpans& held : report.spans) {
    json::array traces;
    for (const HeldTrace& trace : held.traces) {
      traces.push_back({{"trace_id", trace.trace_id},
                        {"span_id", trace.span_id},
                        {"name", trace.name},
                        {"start", Time(trace.start_ns)},
                        {"end", Time(trace.end_ns)}});
    }
    rows.push_back({{"chain", Strings(held.chain)},
                    {"spans", held.spans},
                    {"ended", held.ended},
                    {"newest_end", Time(held.newest_end_ns)},
                    {"oldest_end", Time(held.oldest_end_ns)},
                    {"names", Counts(held.names)},
                    {"traces", std::move(traces)}});
  }
  return rows;
}

json::array OwnersJson(const HeapReport& report) {
  json::array rows;
  for (const ReportOwner& row : report.owners) {
    rows.push_back({{"name", row.name},
                    {"address", FormatAddress(row.address, report.addresses_are_ids)},
                    {"named", row.named},
                    {"retained_objects", row.retained_objects},
                    {"retained_bytes", row.retained_bytes}});
  }
  return rows;
}

json::array TypesJson(const HeapReport& report) {
  json::array rows;
  for (const ReportType& row : report.types) {
    rows.push_back({{"name", row.name},
                    {"objects", row.objects},
                    {"bytes", row.bytes},
                    {"retained_bytes", row.retained_bytes}});
  }
  return rows;
}

json::array TreeJson(const HeapReport& report) {
  json::array rows;
  for (const ReportNode& node : report.tree) {
    rows.push_back({{"parent", rows.empty() ? -1 : static_cast<int64_t>(node.parent)},
                    {"name", node.name},
                    {"kind", node.kind},
                    {"objects", node.objects},
                    {"bytes", node.bytes},
                    {"retained_objects", node.retained_objects},
                    {"retained_bytes", node.retained_bytes}});
  }
  return rows;
}

json::value SinceJson(const HeapReport& report) {
  if (!report.since) return nullptr;
  const ObjectsSince& since = *report.since;
  json::array classes;
  for (const ClassSince& row : since.classes) {
    classes.push_back({{"name", row.name},
                       {"allocated", Amount(row.allocated_objects, row.allocated_bytes)},
                       {"freed", Amount(row.freed_objects, row.freed_bytes)}});
  }
  json::array held;
  for (const HeldSince& row : since.held) {
    held.push_back(
        {{"path", Strings(row.path)}, {"objects", row.objects}, {"retained_bytes", row.bytes}});
  }
  return json::object{{"allocated", Amount(since.allocated_objects, since.allocated_bytes)},
                      {"freed", Amount(since.freed_objects, since.freed_bytes)},
                      {"kept", Amount(since.kept_objects, since.kept_bytes)},
                      {"classes", std::move(classes)},
                      {"held", std::move(held)},
                      {"held_in_all", json::object{{"objects", since.held_objects},
                                                   {"retained_bytes", since.held_bytes}}}};
}

json::object GrowthJson(const HeapReport& report) {
  json::array types, paths;
  for (const auto& row : report.growth->types) {
    types.push_back({{"name", row.type},
                     {"objects", row.objects},
                     {"bytes", row.bytes},
                     {"retained_bytes", row.retained_bytes},
                     {"bytes_after", row.bytes_after}});
  }
  for (const auto& row : report.growth->paths) {
    paths.push_back({{"chain", Strings(row.path)},
                     {"suspect", row.suspect},
                     {"objects", row.objects},
                     {"own_objects", row.own_objects},
                     {"bytes", row.bytes},
                     {"bytes_before", row.bytes_before},
                     {"bytes_after", row.bytes_after}});
  }
  return {{"before", report.before_file},        {"before_objects", report.before_objects},
          {"before_bytes", report.before_bytes}, {"objects", report.growth->objects},
          {"bytes", report.growth->bytes},       {"paths", std::move(paths)},
          {"types", std::move(types)},           {"since", SinceJson(report)}};
}

}  // namespace

std::string HeapReportJson(const HeapReport& report) {
  json::object whole = {
      {"version", kHeapReportVersion},
      {"headline", report.headline},
      {"dump", DumpJson(report)},
      {"totals", TotalsJson(report)},
      {"suspects", SuspectsJson(report)},
      {"spans", SpansJson(report)},
      {"owners", OwnersJson(report)},
      {"types", TypesJson(report)},
      {"type_count", report.all_types},
      {"tree", TreeJson(report)},
      {"tree_cut_objects", report.tree_cut_objects},
      {"growth", report.growth ? json::value(GrowthJson(report)) : json::value(nullptr)},
      {"losses", Counts(report.losses)},
      {"notes", Strings(report.notes)},
      {"broken", Strings(report.broken)}};
  return json::serialize(whole) + "\n";
}

}  // namespace tidemark
