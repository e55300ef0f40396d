#include "server/heap_dump_api.h"

#include "query/api.h"
#include "query/params.h"

namespace tidemark {
namespace {

constexpr std::string_view kPath = "/api/v1/heap-dumps";
// The report is a page of ours with its script in it; what it shows comes out of a dump.
constexpr char kReportPolicy[] =
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src "
    "'unsafe-inline'; img-src data:";

bool IsPost(const HttpRequest& request) {
  return request.method == "POST" && request.path == kPath;
}

Result<HttpResponse> Accept(HeapDumps* dumps, const HttpRequest& request) {
  if (!request.sink) return Internal("the body of a heap dump was not received");
  TIDEMARK_ASSIGN_OR_RETURN(const std::string id, dumps->Finish(request.sink.get()));
  HttpResponse response = JsonResponse("{\"id\":\"" + id + "\"}", 202);
  response.headers.emplace_back("Location", std::string(kPath) + "/" + id);
  return response;
}

Result<HttpResponse> List(HeapDumps* dumps, const HttpRequest& request) {
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {"service", "version", "incident"}));
  const std::string service = QueryOr(request, "service"), version = QueryOr(request, "version");
  const std::string incident = QueryOr(request, "incident");
  std::string rows;
  for (const HeapDumpInfo& info : dumps->List()) {
    if (!service.empty() && info.service != service) continue;
    if (!version.empty() && info.version != version) continue;
    if (!incident.empty() && info.incident_id != incident) continue;
    rows += (rows.empty() ? "" : ",") + HeapDumpInfoJson(info);
  }
  return JsonResponse("{\"heap_dumps\":[" + rows + "]}");
}

Result<HttpResponse> One(HeapDumps* dumps, const std::string& id) {
  TIDEMARK_ASSIGN_OR_RETURN(const HeapDumpInfo info, dumps->Find(id));
  std::string report = "null";
  if (info.state == "done") {
    TIDEMARK_ASSIGN_OR_RETURN(report, dumps->Read(id, HeapDumpFile::kReport));
  }
  std::string body = HeapDumpInfoJson(info);
  body.back() = ',';  // its closing brace
  return JsonResponse(body + "\"report\":" + report + "}");
}

Result<HttpResponse> Html(HeapDumps* dumps, const std::string& id) {
  TIDEMARK_ASSIGN_OR_RETURN(std::string page, dumps->Read(id, HeapDumpFile::kHtml));
  return HttpResponse{.content_type = "text/html; charset=utf-8",
                      .headers = {{"Content-Security-Policy", kReportPolicy},
                                  {"X-Content-Type-Options", "nosniff"}},
                      .body = std::move(page)};
}

Result<HttpResponse> Pprof(HeapDumps* dumps, const std::string& id) {
  TIDEMARK_ASSIGN_OR_RETURN(std::string profile, dumps->Read(id, HeapDumpFile::kPprof));
  return HttpResponse{
      .content_type = "application/octet-stream",
      .headers = {{"Content-Disposition", "attachment; filename=\"heap-" + id + ".pb.gz\""}},
      .body = std::move(profile)};
}

Result<HttpResponse> Get(HeapDumps* dumps, const HttpRequest& request) {
  if (request.path == kPath) return List(dumps, request);
  TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {}));
  const std::string rest = request.path.substr(kPath.size() + 1);
  const size_t slash = rest.find('/');
  const std::string id = rest.substr(0, slash);
  if (slash == std::string::npos) return One(dumps, id);
  const std::string part = rest.substr(slash + 1);
  if (part == "html") return Html(dumps, id);
  if (part == "pprof") return Pprof(dumps, id);
  return NotFound("nothing at " + request.path);
}

}  // namespace

std::function<Result<std::shared_ptr<HttpBodySink>>(const HttpRequest&)> MakeHeapDumpSink(
    HeapDumps* dumps, IncidentCheck check_incident) {
  return [dumps, check_incident = std::move(check_incident)](
             const HttpRequest& request) -> Result<std::shared_ptr<HttpBodySink>> {
    if (!IsPost(request)) return std::shared_ptr<HttpBodySink>();
    TIDEMARK_RETURN_IF_ERROR(CheckParams(request, {"name", "service", "version", "incident"}));
    HeapDumpInfo info;
    info.name = QueryOr(request, "name");
    info.service = QueryOr(request, "service");
    info.version = QueryOr(request, "version");
    info.incident_id = QueryOr(request, "incident");
    if (!info.incident_id.empty()) TIDEMARK_RETURN_IF_ERROR(check_incident(info.incident_id));
    return dumps->Begin(std::move(info));
  };
}

HttpHandler MakeHeapDumpHandler(HeapDumps* dumps, HttpHandler rest) {
  return [dumps, rest = std::move(rest)](HttpRequest request, HttpResponder respond) {
    const bool ours = request.path == kPath || request.path.starts_with(std::string(kPath) + "/");
    if (!ours) return rest(std::move(request), std::move(respond));
    const bool is_get = request.method == "GET" || request.method == "HEAD";
    Result<HttpResponse> answer =
        InvalidArgument(request.method + " is not answered at " + request.path);
    if (IsPost(request)) {
      answer = Accept(dumps, request);
    } else if (is_get) {
      answer = Get(dumps, request);
    }
    HttpResponse response = answer ? *std::move(answer) : ErrorResponse(answer.error());
    if (!is_get && !IsPost(request)) response.status = 405;
    respond(std::move(response));
  };
}

}  // namespace tidemark
