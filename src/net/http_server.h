// A small HTTP/1.1 server: keep-alive, a fixed number of worker threads, limits on everything a client can send.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/http_client.h"

namespace tidemark {

struct HttpRequest {
  std::string method;
  std::string path;  // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;  // percent-decoded, in order
  HttpHeaders headers;
  std::string body;  // as sent: not inflated
  std::string peer_address;  // "127.0.0.1", without the port
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
using HttpResponder = std::function<void(HttpResponse)>;
// Called on a worker thread. It may answer at once or keep the responder for later; it must not block for long.
using HttpHandler = std::function<void(HttpRequest, HttpResponder)>;

struct HttpServerOptions {
  std::string address = "127.0.0.1";
  uint16_t port = 0;  // 0 = any free one
  int threads = 2;
  size_t max_body_bytes = 64 << 20;       // larger: 413, through `too_large` when set
  size_t max_header_bytes = 16 << 10;     // larger: 431
  size_t max_connections = 4096;          // more: closed at once, counted
  int64_t idle_timeout_ns = 60'000'000'000;  // also bounds a slow request
  // Body of the answers that the server gives by itself (400, 413, 431), by request content type; may be empty.
  std::function<HttpResponse(int status, const std::string& message, const std::string& content_type)> refuse;
};

struct HttpServerStats {
  uint64_t connections = 0, refused_connections = 0, requests = 0, malformed = 0;
};

class HttpServer {
 public:
  // Listens and serves until destroyed. Errors: i/o, naming address and port ("already in use").
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, HttpHandler handler);
  virtual ~HttpServer() = default;  // closes every connection, joins the threads
  virtual uint16_t port() const = 0;
  virtual HttpServerStats stats() const = 0;
};

}  // namespace tidemark
