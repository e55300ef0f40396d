// The answers behind the API's paths, one function each: parameters in, response or error out.
#pragma once

#include "base/result.h"
#include "net/http_server.h"
#include "query/api.h"
#include "query/live_view.h"
#include "storage/store.h"

namespace tidemark {

struct ApiContext {
  Store* store;
  LiveView* live;
};

using Answer = Result<HttpResponse>;

Answer AnswerIncidents(const ApiContext& context, const HttpRequest& request);
Answer AnswerIncident(const ApiContext& context, const HttpRequest& request, const std::string& id);
Answer AnswerTargets(const ApiContext& context, const HttpRequest& request);
Answer AnswerSpans(const ApiContext& context, const HttpRequest& request);
Answer AnswerSurvivors(const ApiContext& context, const HttpRequest& request);
Answer AnswerSeries(const ApiContext& context, const HttpRequest& request);
Answer AnswerProfile(const ApiContext& context, const HttpRequest& request);
Answer AnswerProfileDiff(const ApiContext& context, const HttpRequest& request);
Answer AnswerGrowth(const ApiContext& context, const HttpRequest& request);
Answer AnswerCompare(const ApiContext& context, const HttpRequest& request);
Answer AnswerCaptures(const ApiContext& context, const HttpRequest& request);
Answer AnswerNewCapture(const ApiContext& context, const HttpRequest& request);
Answer AnswerCapture(const ApiContext& context, const HttpRequest& request, const std::string& id);
Answer AnswerCaptureProfile(const ApiContext& context, const HttpRequest& request,
                            const std::string& id);

}  // namespace tidemark
