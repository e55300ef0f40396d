#include "service.h"

#include <signal.h>

#include <array>
#include <atomic>
#include <cstdio>

#include "base/time.h"
#include "net/http_server.h"
#include "orders.h"
#include "otlp_exporter.h"
#include "tidemark/tidemark.hpp"

namespace shop {
namespace {

constexpr size_t kPreviewBytes = 700;

struct State {
  const Hooks& hooks;
  OtlpExporter exporter;
  std::atomic<uint64_t> orders{0};
};

EndedSpan BeginSpan(const tidemark::HttpRequest& request) {
  EndedSpan ended;
  ended.span.trace_id = NewTraceId();
  ended.span.span_id = NewSpanId();
  ended.span.name = request.method + " " + request.path;
  ended.span.route = request.path;
  ended.span.kind = tidemark::SpanKind::kServer;
  ended.span.start_ns = tidemark::WallClockNs();
  return ended;
}

// The bytes of an id, most significant first, as W3C trace context writes them.
template <size_t kSize>
std::array<uint8_t, kSize> Bytes(uint64_t high, uint64_t low) {
  std::array<uint8_t, kSize> bytes;
  for (size_t i = 0; i < kSize; ++i) {
    const size_t place = kSize - 1 - i;  // counted from the least significant byte
    bytes[i] = static_cast<uint8_t>((place < 8 ? low : high) >> (8 * (place % 8)));
  }
  return bytes;
}

void EndSpan(const tidemark::HttpRequest& request, const Answer& answer, EndedSpan* ended) {
  ended->span.end_ns = tidemark::WallClockNs();
  ended->span.error = answer.status >= 500;
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
  EndedSpan ended = BeginSpan(request);
  // Until the answer is sent, memory that this thread allocates belongs to the span.
  const tidemark::SpanScope scope(Bytes<16>(ended.span.trace_id.high, ended.span.trace_id.low),
                                  Bytes<8>(0, static_cast<uint64_t>(ended.span.span_id)));
  const Answer answer = checkout                    ? Checkout(state, request)
                        : request.path == "/search" ? Search(request)
                                                    : Answer{200, R"({"status":"ok"})"};
  EndSpan(request, answer, &ended);
  if (checkout && answer.status == 200) state->hooks.on_checkout(ended);
  state->exporter.Add(std::move(ended.span));
  respond(ToResponse(answer));
}

}  // namespace

int Serve(const Options& options, const Hooks& hooks) {
  // Blocked before any thread starts, so that only sigwait below sees them.
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  State state{hooks, OtlpExporter(options.otlp, options.resource, hooks.gauges)};
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
  std::fprintf(stderr, "%s %s listens on http://127.0.0.1:%u\n",
               options.resource.target.service.c_str(), options.resource.target.version.c_str(),
               (*server)->port());
  int signal = 0;
  sigwait(&ends, &signal);
  server->reset();
  return 0;
}

}  // namespace shop
