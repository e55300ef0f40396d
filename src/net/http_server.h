// A small HTTP/1.1 server: keep-alive, a fixed number of worker threads, limits on everything a
// client can send.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/http_client.h"

namespace tidemark {

// Where a large body goes piece by piece, so that it is never in memory whole. Belongs to one
// request; called on its worker thread. One that goes away without having been handed to the
// handler never got its body whole.
class HttpBodySink {
 public:
  virtual ~HttpBodySink() = default;
  virtual uint64_t max_bytes() const = 0;  // longer: 413
  // May write to a file. An error ends the request with the status that fits it.
  virtual Result<void> Write(std::string_view piece) = 0;
};

struct HttpRequest {
  std::string method;
  std::string path;                                        // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  HttpHeaders headers;
  std::string body;                    // as sent: not inflated, chunks joined
  std::shared_ptr<HttpBodySink> sink;  // has the whole body, where options.body_sink gave one
  std::string peer_address;            // "127.0.0.1", without the port
};

// The first value of a query parameter, or "".
std::string QueryOr(const HttpRequest& request, const std::string& name);

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  HttpHeaders headers;
  std::string body;
};

// Called once, from any thread, at any time after the handler was called; later calls are ignored.
// When every copy of it is gone without a call, the client gets 500.
using HttpResponder = std::function<void(HttpResponse)>;
// Called on a worker thread. It may answer at once or keep the responder for later; it must not
// block for long.
using HttpHandler = std::function<void(HttpRequest, HttpResponder)>;

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // a numeric address, or "localhost"
  uint16_t port = 0;                  // 0 = any free one
  int threads = 2;
  size_t max_body_bytes = 64 << 20;    // larger: 413
  size_t max_header_bytes = 16 << 10;  // larger: 431
  size_t max_connections = 4096;       // more: closed at once, counted
  size_t max_inflight_bytes =
      256 << 20;  // bodies read and not yet answered; more: 503 with Retry-After: 1
  int64_t idle_timeout_ns =
      60'000'000'000;  // silence between requests; also for one whole request to arrive
  int64_t answer_timeout_ns = 120'000'000'000;  // for the handler; later: 503
  int64_t drain_timeout_ns = 2'000'000'000;     // what the destructor grants requests in progress
  // Asked once a request's header is there: a sink for its body, or nullptr for the body in memory.
  // An error refuses the request before its body is read. Called on a worker thread, must not block
  // for long; may be empty. idle_timeout_ns is then the longest silence between two pieces.
  std::function<Result<std::shared_ptr<HttpBodySink>>(const HttpRequest& head)> body_sink;
  // The answers that the server gives by itself (400, 413, 431, 500, 503), by the request's content
  // type; may be empty. Called on a worker thread.
  std::function<HttpResponse(int status, const std::string& message,
                             const std::string& content_type)>
      refuse;
};

struct HttpServerStats {
  uint64_t connections = 0;          // accepted, those open now included
  uint64_t refused_connections = 0;  // above max_connections
  uint64_t requests = 0;             // given to the handler
  uint64_t malformed = 0;            // 400 and 431
  uint64_t too_large = 0;            // 413
  uint64_t shed = 0;                 // 503, max_inflight_bytes
  uint64_t timed_out = 0;            // requests cut off half-way, or never answered by the handler
  uint64_t open_connections = 0, inflight_bytes = 0;  // now
};

class HttpServer {
 public:
  // Listens and serves until destroyed. Errors: invalid argument (the address), i/o, naming address
  // and port
  // ("already in use").
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, HttpHandler handler);
  // Lets requests in progress finish (drain_timeout_ns), closes every connection, joins the
  // threads. Not from a handler. Responders that are called afterwards do nothing.
  virtual ~HttpServer() = default;
  virtual uint16_t port() const = 0;
  virtual HttpServerStats stats() const = 0;
};

}  // namespace tidemark
