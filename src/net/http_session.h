// How one connection lives. Each belongs to one worker thread, which has an io_context of its own:
// a coroutine that moves between threads may use the wrong thread's storage (Clang 16 keeps
// thread-local addresses across a suspension).
//
//   accept -> [idle: first byte] -> header -> body -> handler ... responder -> write -+-> idle
//   (keep-alive)
//                  |                   |        |        |                            +-> close
//                  close on timeout    refuse: answer, drain a little, close
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "net/http_server.h"

namespace tidemark {

struct HttpCounters {
  std::atomic<uint64_t> connections{0}, refused_connections{0}, requests{0}, malformed{0},
      too_large{0}, shed{0}, timed_out{0}, inflight_bytes{0};
};

// What the server may ask of a connection.
class HttpSession {
 public:
  virtual ~HttpSession() = default;
  // From any thread.
  virtual void CloseIfIdle() = 0;
};

// Keeps responders, which anyone may hold for any time, from touching a server that is gone.
struct HttpGate {
  std::mutex mutex;
  bool open = true;
};

// What the sessions of a server share. Outlives them.
struct HttpCore {
  HttpServerOptions options;
  HttpHandler handler;
  HttpCounters counters;
  std::shared_ptr<HttpGate> gate = std::make_shared<HttpGate>();
  std::atomic<bool> stopping{false};

  std::mutex mutex;
  std::condition_variable emptied;
  std::unordered_map<HttpSession*, std::weak_ptr<HttpSession>> sessions;
};

// Serves the connection on its socket's executor until either side ends it; closes it at once,
// counted, where there are max_connections already.
void StartHttpSession(boost::asio::ip::tcp::socket socket, HttpCore* core);

}  // namespace tidemark
