// The HTTP API of product promise section 4 (port 7070), without the page.
#pragma once

#include "net/http_server.h"
#include "query/live_view.h"
#include "storage/store.h"

namespace tidemark {

HttpResponse JsonResponse(std::string body, int status = 200);
// {"error": {"code", "message"}} with the status that fits the error.
HttpResponse ErrorResponse(const Error& error);

// Answers /api/v1/..., /healthz, /readyz and /metrics. Errors are {"error": {"code", "message"}}
// with a fitting status. Any thread; `store` and `live` must outlive the handler. Paths it does not
// know go to `fallback` (the page).
HttpHandler MakeApiHandler(Store* store, LiveView* live, HttpHandler fallback);

}  // namespace tidemark
