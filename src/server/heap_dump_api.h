// The paths under /api/v1/heap-dumps.
#pragma once

#include <functional>

#include "net/http_server.h"
#include "server/heap_dumps.h"

namespace tidemark {

// For HttpServerOptions::body_sink: takes the body of POST /api/v1/heap-dumps?name=&service=&
// version=&incident=. `check_incident` says whether an incident of that id is known.
using IncidentCheck = std::function<Result<void>(const std::string& id)>;
std::function<Result<std::shared_ptr<HttpBodySink>>(const HttpRequest&)> MakeHeapDumpSink(
    HeapDumps* dumps, IncidentCheck check_incident);

// Answers those paths; everything else goes to `rest`. Any thread; `dumps` outlives it.
HttpHandler MakeHeapDumpHandler(HeapDumps* dumps, HttpHandler rest);

}  // namespace tidemark
