// Answers that come from the running server: incidents, spans, captures.
#include <boost/json.hpp>

#include "base/time.h"
#include "codec/incident_json.h"
#include "query/answers.h"
#include "query/params.h"

namespace tidemark {
namespace {

namespace json = boost::json;

constexpr size_t kMaxCaptureRequestBytes = 4096;

std::string Wrap(const char* key, const std::vector<std::string>& items) {
  std::string out = std::string("{\"") + key + "\":[";
  for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : ",") + items[i];
  return out + "]}";
}

json::value TimeValue(int64_t time_ns) {
  return time_ns == 0 ? json::value(nullptr) : json::value(FormatRfc3339(time_ns));
}

json::object ToJson(const RouteSurvivors& route) {
  json::array traces;
  for (const TraceEvidence& trace : route.traces) {
    traces.push_back({{"trace_id", ToHex(trace.trace_id)},
                      {"span_id", ToHex(trace.span_id)},
                      {"start", TimeValue(trace.start_ns)},
                      {"bytes", trace.bytes}});
  }
  const Estimate& growth = route.growth_bytes_per_hour;
  return {{"service", route.service},
          {"namespace", route.service_namespace},
          {"version", route.version},
          {"route", route.route},
          {"bytes", route.bytes},
          {"objects", route.objects},
          {"ended_bytes", route.ended_bytes},
          {"oldest_end", TimeValue(route.oldest_end_ns)},
          {"kept_share", route.kept_share},
          {"growth_bytes_per_hour",
           {{"value", growth.value}, {"low", growth.low}, {"high", growth.high}}},
          {"suspect", route.suspect},
          {"suspect_since", TimeValue(route.suspect_since_ns)},
          {"instances", json::value_from(route.instances)},
          {"traces", std::move(traces)}};
}

Result<Document> FindCapture(const ApiContext& context, const std::string& id) {
  TIDEMARK_ASSIGN_OR_RETURN(const auto documents, context.store->ReadDocuments("capture"));
  for (const Document& document : documents) {
    if (document.id == id) return document;
  }
  return NotFound("no capture '" + id + "'; GET /api/v1/captures lists them");
}

}  // namespace

Answer AnswerIncidents(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {"state", "service"}));
  TIDEMARK_ASSIGN_OR_RETURN(const std::string state,
                            ChoiceParam(request, "state", {"", "open", "resolved"}));
  const std::string service = QueryOr(request, "service");
  std::vector<std::string> items;
  TIDEMARK_ASSIGN_OR_RETURN(const auto incidents, context.live->Incidents());
  for (const Incident& incident : incidents) {
    const bool open = incident.state == IncidentState::kOpen;
    if (!state.empty() && (state == "open") != open) continue;
    if (!service.empty() && incident.service != service) continue;
    items.push_back(IncidentToJson(incident));
  }
  return JsonResponse(Wrap("incidents", items));
}

Answer AnswerIncident(const ApiContext& context, const HttpRequest& request,
                      const std::string& id) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {}));
  TIDEMARK_ASSIGN_OR_RETURN(const Incident incident, context.live->FindIncident(id));
  return JsonResponse(IncidentToJson(incident));
}

Answer AnswerSpans(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {"service"}));
  const std::string service = QueryOr(request, "service");
  json::array rows;
  uint64_t total = 0;
  TIDEMARK_ASSIGN_OR_RETURN(const auto routes, context.live->Routes(service));
  for (const RouteStats& route : routes) {
    total += route.ended;
    rows.push_back({{"route", route.route},
                    {"version", route.version},
                    {"instance", route.instance},
                    {"ended", route.ended},
                    {"errors", route.errors},
                    {"p50_ms", route.p50_ms},
                    {"p99_ms", route.p99_ms}});
  }
  return JsonResponse(json::serialize(
      json::object{{"service", service}, {"routes", std::move(rows)}, {"total_ended", total}}));
}

Answer AnswerSurvivors(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {"service"}));
  TIDEMARK_ASSIGN_OR_RETURN(const auto routes,
                            context.live->Survivors(QueryOr(request, "service")));
  json::array rows;
  for (const RouteSurvivors& route : routes) rows.push_back(ToJson(route));
  return JsonResponse(json::serialize(json::object{{"routes", std::move(rows)}}));
}

Answer AnswerCaptures(const ApiContext& context, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {}));
  TIDEMARK_ASSIGN_OR_RETURN(const auto documents, context.store->ReadDocuments("capture"));
  std::vector<std::string> items;
  for (const Document& document : documents) items.push_back(document.payload);
  return JsonResponse(Wrap("captures", items));
}

Answer AnswerCapture(const ApiContext& context, const HttpRequest& request, const std::string& id) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {}));
  TIDEMARK_ASSIGN_OR_RETURN(const Document document, FindCapture(context, id));
  return JsonResponse(document.payload);
}

Answer AnswerCaptureProfile(const ApiContext& context, const HttpRequest& request,
                            const std::string& id) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {}));
  TIDEMARK_ASSIGN_OR_RETURN(const Document document, FindCapture(context, id));
  TIDEMARK_ASSIGN_OR_RETURN(std::string bytes, context.live->ReadCapture(document.id));
  HttpResponse response{.content_type = "application/octet-stream", .body = std::move(bytes)};
  response.headers.emplace_back("Content-Disposition",
                                "attachment; filename=\"" + document.id + ".pb.gz\"");
  return response;
}

Answer AnswerNewCapture(const ApiContext& context, const HttpRequest& request) {
  if (request.body.size() > kMaxCaptureRequestBytes)
    return TooLarge("a capture request has at most 4096 bytes");
  boost::system::error_code status;
  const json::value body = json::parse(request.body, status);
  const json::object* object = status ? nullptr : body.if_object();
  const json::value* service = object != nullptr ? object->if_contains("service") : nullptr;
  if (service == nullptr || !service->is_string()) {
    return InvalidArgument(
        "expected a body like {\"service\": \"shop\", \"instance\": \"shop-1\"}; instance may be "
        "left out");
  }
  std::string instance;
  if (const json::value* value = object->if_contains("instance")) {
    if (!value->is_string()) return InvalidArgument("key 'instance': expected a string");
    instance = value->get_string();
  }
  TIDEMARK_ASSIGN_OR_RETURN(
      const std::string id,
      context.live->RequestCapture(std::string(service->get_string()), instance));
  return JsonResponse(json::serialize(json::object{{"id", id}}), 202);
}

}  // namespace tidemark
