#include "service.h"

#include <signal.h>

#include <atomic>
#include <cstdio>
#include <memory>

#include "base/time.h"
#include "net/http_server.h"
#include "orders.h"
#include "tidemark/tidemark.hpp"

namespace shop {
namespace {

constexpr size_t kPreviewBytes = 700;

struct State {
  const Hooks& hooks;
  tidemark::sdk::Exporter* exporter;  // null: nothing is exported
  std::atomic<uint64_t> orders{0};
};

void Describe(const tidemark::HttpRequest& request, const Answer& answer, int64_t start_ns,
              tidemark::sdk::EndedSpan* ended) {
  ended->name = request.method + " " + request.path;
  ended->route = request.path;
  ended->kind = tidemark::sdk::SpanKind::kServer;
  ended->start_unix_ns = start_ns;
  ended->end_unix_ns = tidemark::WallClockNs();
  ended->error = answer.status >= 500;
  ended->attributes = {{"http.request.method", request.method},
                       {"url.path", request.path},
                       {"client.address", request.peer_address},
                       {"user_agent.original", tidemark::HeaderOr(request.headers, "User-Agent")},
                       {"http.response.status_code", std::to_string(answer.status)},
                       {"http.request.body.size", std::to_string(request.body.size())},
                       {"http.response.body.size", std::to_string(answer.body.size())},
                       {"http.request.body.preview", request.body.substr(0, kPreviewBytes)},
                       {"http.response.body.preview", answer.body.substr(0, kPreviewBytes)}};
}

tidemark::HttpResponse ToResponse(const Answer& answer) {
  tidemark::HttpResponse response;
  response.status = answer.status;
  response.content_type = "application/json";
  response.body = answer.body;
  return response;
}

Answer Checkout(State* state, const tidemark::HttpRequest& request) {
  if (request.method != "POST") return {405, R"({"error":"use POST"})"};
  return PlaceOrder(request.body, ++state->orders);
}

Answer Search(const tidemark::HttpRequest& request) {
  return SearchProducts(tidemark::QueryOr(request, "q"));
}

void Handle(State* state, const tidemark::HttpRequest& request,
            const tidemark::HttpResponder& respond) {
  const bool checkout = request.path == "/checkout";
  if (!checkout && request.path != "/search" && request.path != "/health") {
    return respond(ToResponse({404, R"({"error":"no such route"})"}));
  }
  // Until the answer is sent, memory that this thread allocates belongs to the span.
  const int64_t start_ns = tidemark::WallClockNs();
  tidemark::sdk::EndedSpan ended;
  tidemark_span_begin(&ended.span, nullptr);
  const Answer answer = checkout                    ? Checkout(state, request)
                        : request.path == "/search" ? Search(request)
                                                    : Answer{200, R"({"status":"ok"})"};
  Describe(request, answer, start_ns, &ended);
  if (checkout && answer.status == 200) state->hooks.on_checkout(ended);
  if (state->exporter != nullptr) state->exporter->Add(ended);
  respond(ToResponse(answer));
  tidemark_span_end(nullptr);
}

// Null, with *failed still false, when there is nowhere to export to.
std::unique_ptr<tidemark::sdk::Exporter> StartExporter(const Options& options, const Hooks& hooks,
                                                       bool* failed) {
  if (options.otlp.empty()) return nullptr;
  tidemark::sdk::ExporterOptions exporter_options;
  exporter_options.endpoint = options.otlp;
  exporter_options.resource = options.resource;
  exporter_options.metric_interval_ns = tidemark::kNsPerSecond;
  std::string error;
  auto exporter = tidemark::sdk::Exporter::Start(std::move(exporter_options), &error);
  if (exporter == nullptr) {
    std::fprintf(stderr, "%s\n", error.c_str());
    *failed = true;
  } else if (hooks.gauges) {
    exporter->AddSource(hooks.gauges);
  }
  return exporter;
}

}  // namespace

int Serve(const Options& options, const Hooks& hooks) {
  // Blocked before any thread starts, so that only sigwait below sees them.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  bool failed = false;
  const auto exporter = StartExporter(options, hooks, &failed);
  if (failed) return 2;
  State state{hooks, exporter.get()};
  tidemark::HttpServerOptions server_options;
  server_options.port = options.port;
  server_options.threads = options.threads;
  server_options.max_body_bytes = 1 << 20;
  auto server = tidemark::HttpServer::Start(
      server_options, [&state](tidemark::HttpRequest request, tidemark::HttpResponder respond) {
        Handle(&state, request, respond);
      });
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().message.c_str());
    return 2;
  }
  std::fprintf(stderr, "%s listens on http://127.0.0.1:%u\n", options.name.c_str(),
               (*server)->port());
  int signal = 0;
  sigwait(&ends, &signal);
  server->reset();
  return 0;
}

}  // namespace shop
