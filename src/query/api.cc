#include "query/api.h"

#include <boost/json.hpp>
#include <string_view>

#include "query/answers.h"

namespace tidemark {
namespace {

namespace json = boost::json;

int HttpStatusOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kResourceExhausted:
      return error.retryable ? 429 : 413;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kCorrupt:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

// The part of `path` between `prefix` and `suffix`, or "" when it does not look so.
std::string Between(std::string_view path, std::string_view prefix, std::string_view suffix) {
  if (!path.starts_with(prefix) || !path.ends_with(suffix) ||
      path.size() <= prefix.size() + suffix.size())
    return "";
  const std::string_view id =
      path.substr(prefix.size(), path.size() - prefix.size() - suffix.size());
  return id.find('/') == id.npos ? std::string(id) : "";
}

Answer Get(const ApiContext& context, const HttpRequest& request, bool* known) {
  const std::string& path = request.path;
  if (path == "/api/v1/incidents") return AnswerIncidents(context, request);
  if (path == "/api/v1/targets") return AnswerTargets(context, request);
  if (path == "/api/v1/spans") return AnswerSpans(context, request);
  if (path == "/api/v1/survivors") return AnswerSurvivors(context, request);
  if (path == "/api/v1/series") return AnswerSeries(context, request);
  if (path == "/api/v1/profile") return AnswerProfile(context, request);
  if (path == "/api/v1/profile/diff") return AnswerProfileDiff(context, request);
  if (path == "/api/v1/growth") return AnswerGrowth(context, request);
  if (path == "/api/v1/compare") return AnswerCompare(context, request);
  if (path == "/api/v1/captures") return AnswerCaptures(context, request);
  if (path == "/metrics") {
    TIDEMARK_ASSIGN_OR_RETURN(std::string text, context.live->Metrics());
    return HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                        .body = std::move(text)};
  }
  if (path == "/healthz") return HttpResponse{.body = "ok\n"};
  if (path == "/readyz") {
    if (context.live->Ready()) return HttpResponse{.body = "ready\n"};
    return HttpResponse{.status = 503, .body = "not ready\n"};
  }
  if (const auto id = Between(path, "/api/v1/incidents/", ""); !id.empty())
    return AnswerIncident(context, request, id);
  if (const auto id = Between(path, "/api/v1/captures/", "/profile"); !id.empty()) {
    return AnswerCaptureProfile(context, request, id);
  }
  if (const auto id = Between(path, "/api/v1/captures/", ""); !id.empty())
    return AnswerCapture(context, request, id);
  *known = false;
  return NotFound("nothing at " + path);
}

}  // namespace

HttpResponse ErrorResponse(const Error& error) {
  HttpResponse response = JsonResponse(
      json::serialize(json::object{
          {"error", {{"code", ErrorCodeName(error.code)}, {"message", error.message}}}}),
      HttpStatusOf(error));
  if (error.retryable) response.headers.emplace_back("Retry-After", "1");
  return response;
}

HttpResponse JsonResponse(std::string body, int status) {
  return {.status = status, .content_type = "application/json", .body = std::move(body)};
}

HttpHandler MakeApiHandler(Store* store, LiveView* live, HttpHandler fallback) {
  const ApiContext context{store, live};
  return [context, fallback = std::move(fallback)](HttpRequest request, HttpResponder respond) {
    const bool is_get = request.method == "GET" || request.method == "HEAD";
    if (request.method == "POST" && request.path == "/api/v1/captures") {
      const Answer answer = AnswerNewCapture(context, request);
      return respond(answer ? *answer : ErrorResponse(answer.error()));
    }
    bool known = true;
    const Answer answer =
        is_get ? Get(context, request, &known)
               : Answer(InvalidArgument(request.method + " is not answered at " + request.path));
    if (!known && !request.path.starts_with("/api/"))
      return fallback(std::move(request), std::move(respond));
    HttpResponse response = answer ? *answer : ErrorResponse(answer.error());
    if (!is_get) response.status = 405;
    respond(std::move(response));
  };
}

}  // namespace tidemark
