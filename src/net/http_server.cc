// How one connection lives. Each belongs to one worker thread, which has an io_context of its own:
// a coroutine that moves between threads may use the wrong thread's storage (Clang 16 keeps
// thread-local addresses across a suspension).
//
//   accept -> [idle: first byte] -> header -> body -> handler ... responder -> write -+-> idle
//   (keep-alive)
//                  |                   |        |        |                            +-> close
//                  close on timeout    refuse: answer, drain a little, close
#include "net/http_server.h"

#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>

#include "net/url.h"

namespace tidemark {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using std::chrono::nanoseconds;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr size_t kBodyChunkBytes = 64 << 10;
constexpr size_t kReadBufferBytes = 128 << 10;  // most of what is read ahead of the parser
// After a refusal the rest of the request is read and dropped, so that the client sees the answer
// and not a reset.
constexpr size_t kMaxDrainBytes = 16 << 20;
constexpr auto kDrainTimeout = std::chrono::seconds(2);
constexpr auto kAcceptPause = std::chrono::milliseconds(50);  // when out of file descriptors

struct Counters {
  std::atomic<uint64_t> connections{0}, refused_connections{0}, requests{0}, malformed{0},
      too_large{0}, shed{0}, timed_out{0}, inflight_bytes{0};
};

class Session;

// Keeps responders, which anyone may hold for any time, from touching a server that is gone.
struct Gate {
  std::mutex mutex;
  bool open = true;
};

// What the sessions of a server share. Outlives them.
struct Core {
  HttpServerOptions options;
  HttpHandler handler;
  Counters counters;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  std::atomic<bool> stopping{false};

  std::mutex mutex;
  std::condition_variable emptied;
  std::unordered_map<Session*, std::weak_ptr<Session>> sessions;
};

HttpResponse Refusal(const Core& core, int status, const std::string& message,
                     const std::string& content_type) {
  if (core.options.refuse) return core.options.refuse(status, message, content_type);
  HttpResponse response;
  response.status = status;
  response.body = message + "\n";
  return response;
}

// A share of max_inflight_bytes; given back when it ends.
class Lease {
 public:
  explicit Lease(Core* core) : core_(core) {}
  ~Lease() { Release(); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  bool Grow(size_t bytes) {
    if (core_->counters.inflight_bytes.fetch_add(bytes) + bytes >
        core_->options.max_inflight_bytes) {
      core_->counters.inflight_bytes -= bytes;
      return false;
    }
    bytes_ += bytes;
    return true;
  }

  void Release() { core_->counters.inflight_bytes -= std::exchange(bytes_, 0); }

 private:
  Core* core_;
  size_t bytes_ = 0;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Core* core)
      : core_(core),
        stream_(std::move(socket)),
        answer_timer_(stream_.get_executor()),
        buffer_(std::max(kReadBufferBytes, 2 * core->options.max_header_bytes)) {}
  ~Session() {
    std::lock_guard lock(core_->mutex);
    core_->sessions.erase(this);
    core_->emptied.notify_all();
  }

  static asio::awaitable<void> Run(std::shared_ptr<Session> self) {
    bool again = true;
    while (again) again = co_await self->ServeOne();
    error_code ignored;
    self->stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
    self->stream_.close();
  }

  // From any thread.
  void CloseIfIdle() {
    asio::dispatch(stream_.get_executor(), [self = shared_from_this()] {
      if (self->idle_) self->stream_.close();
    });
  }

  // On the worker: the answer to request `id`, unless one came before.
  void Answer(uint64_t id, HttpResponse response) {
    if (id != request_id_ || answer_) return;
    answer_ = std::move(response);
    answer_timer_.cancel();
  }

  auto executor() { return stream_.get_executor(); }

 private:
  using Parser = http::request_parser<http::buffer_body>;

  // Reads and answers one request; false when the connection is to be closed.
  asio::awaitable<bool> ServeOne() {
    if (!co_await WaitForFirstByte()) co_return false;
    stream_.expires_after(nanoseconds(core_->options.idle_timeout_ns));
    Parser parser;
    parser.header_limit(static_cast<uint32_t>(core_->options.max_header_bytes));
    parser.body_limit(core_->options.max_body_bytes);
    auto [ec, n] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
    if (ec) {
      co_await RefuseUnread(ec, parser);
      co_return false;
    }
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      if (!co_await WriteContinue()) co_return false;
    }
    Lease lease(core_);
    std::string body;
    if (!co_await ReadBody(&parser, &lease, &body)) co_return false;

    head_only_ = parser.get().method() == http::verb::head;
    keep_alive_ = parser.get().keep_alive();
    version_ = parser.get().version();
    HttpRequest request;
    std::string problem = FillRequest(parser, &request);
    if (!problem.empty()) {
      ++core_->counters.malformed;
      keep_alive_ = false;
      HttpResponse refusal = Refusal(*core_, 400, problem, ContentType(parser));
      co_return co_await Write(std::move(refusal));
    }
    request.body = std::move(body);
    std::string content_type = ContentType(parser);
    HttpResponse response = co_await Handle(std::move(request), std::move(content_type));
    co_return co_await Write(std::move(response));
  }

  asio::awaitable<bool> WaitForFirstByte() {
    if (core_->stopping) co_return false;
    if (buffer_.size() > 0) co_return true;
    buffer_.shrink_to_fit();
    idle_ = true;
    stream_.expires_after(nanoseconds(core_->options.idle_timeout_ns));
    auto room = buffer_.prepare(4096);
    auto [ec, n] = co_await stream_.async_read_some(room, kAwait);
    idle_ = false;
    if (ec) co_return false;
    buffer_.commit(n);
    co_return true;
  }

  asio::awaitable<bool> WriteContinue() {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    auto bytes = asio::buffer(kContinue.data(), kContinue.size());
    auto [ec, n] = co_await asio::async_write(stream_, bytes, kAwait);
    co_return !ec;
  }

  // Memory grows with what has arrived, not with what a client announces. False after a refusal.
  asio::awaitable<bool> ReadBody(Parser* parser, Lease* lease, std::string* body) {
    while (!parser->is_done()) {
      size_t chunk = kBodyChunkBytes;
      if (auto rest = parser->content_length_remaining())
        chunk = std::min<size_t>(chunk, std::max<size_t>(*rest, 1));
      if (!lease->Grow(chunk)) {
        ++core_->counters.shed;
        HttpResponse refusal = Refusal(*core_, 503, "too many bytes of requests in progress; retry",
                                       ContentType(*parser));
        if (HeaderOr(refusal.headers, "Retry-After").empty())
          refusal.headers.emplace_back("Retry-After", "1");
        Drop(lease, body);
        co_await RefuseAndDrain(std::move(refusal));
        co_return false;
      }
      size_t before = body->size();
      body->resize(before + chunk);
      parser->get().body().data = body->data() + before;
      parser->get().body().size = chunk;
      parser->get().body().more = true;
      buffer_.reserve(chunk);
      auto [ec, n] = co_await http::async_read(stream_, buffer_, *parser, kAwait);
      body->resize(before + chunk - parser->get().body().size);
      if (ec && ec != http::error::need_buffer) {
        Drop(lease, body);
        co_await RefuseUnread(ec, *parser);
        co_return false;
      }
    }
    co_return true;
  }

  // Before a refusal, which may take a while to drain.
  static void Drop(Lease* lease, std::string* body) {
    std::string().swap(*body);
    lease->Release();
  }

  // "" or what is wrong with the request line.
  std::string FillRequest(const Parser& parser, HttpRequest* request) {
    const auto& message = parser.get();
    auto target =
        ParseRequestTarget(std::string_view(message.target().data(), message.target().size()));
    if (!target) return target.error().message;
    request->method = message.method_string();
    request->path = std::move(target->path);
    request->query = std::move(target->query);
    for (const auto& field : message)
      request->headers.emplace_back(field.name_string(), field.value());
    error_code ec;
    auto peer = stream_.socket().remote_endpoint(ec);
    if (!ec) request->peer_address = peer.address().to_string();
    return "";
  }

  asio::awaitable<HttpResponse> Handle(HttpRequest request, std::string content_type) {
    ++core_->counters.requests;
    ++request_id_;
    answer_.reset();
    stream_.expires_never();
    CallHandler(std::move(request));
    if (!answer_) {
      answer_timer_.expires_after(nanoseconds(core_->options.answer_timeout_ns));
      co_await answer_timer_.async_wait(kAwait);
    }
    if (!answer_) {
      ++core_->counters.timed_out;
      answer_ = Refusal(*core_, 503, "the server did not finish in time", content_type);
    }
    HttpResponse response = std::move(*answer_);
    answer_.reset();
    ++request_id_;  // later answers are for nobody
    co_return response;
  }

  void CallHandler(HttpRequest request);

  asio::awaitable<bool> Write(HttpResponse answer) {
    stream_.expires_after(nanoseconds(core_->options.idle_timeout_ns));
    bool bodiless = answer.status == 204 || answer.status == 304 || answer.status / 100 == 1;
    http::response<http::string_body> response;
    response.version(version_);
    response.result(static_cast<unsigned>(answer.status));
    bool keep = keep_alive_ && !core_->stopping;
    response.keep_alive(keep);
    if (!answer.content_type.empty() && !bodiless)
      response.set(http::field::content_type, OneLine(answer.content_type));
    for (const auto& [name, value] : answer.headers) response.insert(OneLine(name), OneLine(value));
    if (!bodiless) response.content_length(answer.body.size());
    if (!bodiless && !head_only_) response.body() = std::move(answer.body);
    auto [ec, n] = co_await http::async_write(stream_, response, kAwait);
    co_return !ec && keep;
  }

  // Answers what could not be read, as far as an answer makes sense; the connection is closed after
  // it.
  asio::awaitable<void> RefuseUnread(error_code ec, const Parser& parser) {
    int status = 400;
    std::string message = "malformed HTTP request: " + ec.message();
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
      status = 431;
      message = "header larger than " + std::to_string(core_->options.max_header_bytes) + " bytes";
    } else if (ec == http::error::body_limit) {
      status = 413;
      message = "body larger than " + std::to_string(core_->options.max_body_bytes) + " bytes";
    } else if (ec == beast::error::timeout) {
      ++core_->counters.timed_out;
      co_return;
    } else if (ec == http::error::end_of_stream ||
               ec.category() != make_error_code(http::error::bad_version).category()) {
      co_return;  // the peer has gone
    }
    ++(status == 413 ? core_->counters.too_large : core_->counters.malformed);
    HttpResponse refusal = Refusal(*core_, status, message, ContentType(parser));
    co_await RefuseAndDrain(std::move(refusal));
  }

  asio::awaitable<void> RefuseAndDrain(HttpResponse refusal) {
    keep_alive_ = false;
    head_only_ = false;
    version_ = 11;
    co_await Write(std::move(refusal));
    error_code ec;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ec);
    if (ec) co_return;
    stream_.expires_after(kDrainTimeout);
    buffer_.clear();
    for (size_t drained = 0; drained < kMaxDrainBytes;) {
      auto room = buffer_.prepare(kBodyChunkBytes);
      auto [read_error, n] = co_await stream_.async_read_some(room, kAwait);
      if (read_error) co_return;
      drained += n;
    }
  }

  static std::string ContentType(const Parser& parser) {
    return std::string(parser.get()[http::field::content_type]);
  }

  // A header cannot end early because a handler put a line break into it.
  static std::string OneLine(std::string text) {
    for (char& c : text) {
      if (c == '\r' || c == '\n' || c == '\0') c = ' ';
    }
    return text;
  }

  Core* core_;
  beast::tcp_stream stream_;
  asio::steady_timer answer_timer_;
  beast::flat_buffer buffer_;
  bool idle_ = false, head_only_ = false, keep_alive_ = false;
  unsigned version_ = 11;
  uint64_t request_id_ = 0;
  std::optional<HttpResponse> answer_;
};

// What a responder's copies share.
class Reply {
 public:
  Reply(Core* core, std::weak_ptr<Session> session, uint64_t id, HttpResponse if_dropped)
      : gate_(core->gate),
        session_(std::move(session)),
        id_(id),
        if_dropped_(std::move(if_dropped)) {}
  ~Reply() { Send(std::move(if_dropped_)); }

  void Send(HttpResponse response) {
    if (sent_.exchange(true)) return;
    std::lock_guard lock(gate_->mutex);
    if (!gate_->open) return;
    auto session = session_.lock();
    if (!session) return;
    auto executor = session->executor();
    asio::dispatch(executor, [session = std::move(session), id = id_,
                              response = std::move(response)]() mutable {
      session->Answer(id, std::move(response));
    });
  }

 private:
  std::shared_ptr<Gate> gate_;
  std::weak_ptr<Session> session_;
  uint64_t id_;
  HttpResponse if_dropped_;
  std::atomic<bool> sent_{false};
};

void Session::CallHandler(HttpRequest request) {
  HttpResponse dropped = Refusal(*core_, 500, "internal error: the request got no answer",
                                 HeaderOr(request.headers, "Content-Type"));
  auto reply = std::make_shared<Reply>(core_, weak_from_this(), request_id_, std::move(dropped));
  HttpResponder responder = [reply](HttpResponse response) { reply->Send(std::move(response)); };
  reply.reset();
  try {
    core_->handler(std::move(request), std::move(responder));
  } catch (const std::exception&) {
    // The responder is gone with the handler's frame, which has sent the 500.
  }
}

// One thread with its connections.
struct Worker {
  asio::io_context io{1};
  std::thread thread;
};

class Server : public HttpServer {
 public:
  Server(HttpServerOptions options, HttpHandler handler) {
    core_.options = std::move(options);
    core_.handler = std::move(handler);
    for (int i = 0; i < std::max(1, core_.options.threads); ++i)
      workers_.push_back(std::make_unique<Worker>());
    acceptor_.emplace(workers_[0]->io);
  }

  ~Server() override {
    core_.stopping = true;
    asio::post(acceptor_->get_executor(), [this] {
      error_code ignored;
      acceptor_->close(ignored);
    });
    for (const auto& session : Sessions()) session->CloseIfIdle();
    {
      std::unique_lock lock(core_.mutex);
      core_.emptied.wait_for(lock, nanoseconds(core_.options.drain_timeout_ns),
                             [&] { return core_.sessions.empty(); });
    }
    {
      std::lock_guard lock(core_.gate->mutex);
      core_.gate->open = false;
    }
    for (auto& worker : workers_) worker->io.stop();
    for (auto& worker : workers_) {
      if (worker->thread.joinable()) worker->thread.join();
    }
    acceptor_.reset();
    workers_.clear();  // ends the sessions that are left, while core_ is still there
  }

  Result<void> Listen() {
    const HttpServerOptions& options = core_.options;
    std::string place = options.address + ":" + std::to_string(options.port);
    error_code ec;
    auto address =
        asio::ip::make_address(options.address == "localhost" ? "127.0.0.1" : options.address, ec);
    if (ec) return InvalidArgument("listen address '" + options.address + "' is not an IP address");
    tcp::endpoint endpoint(address, options.port);
    acceptor_->open(endpoint.protocol(), ec);
    if (!ec) acceptor_->set_option(tcp::acceptor::reuse_address(true), ec);
    if (!ec) acceptor_->bind(endpoint, ec);
    if (!ec) acceptor_->listen(tcp::acceptor::max_listen_connections, ec);
    if (ec) return IoError("cannot listen on " + place + ": " + ec.message());
    port_ = acceptor_->local_endpoint(ec).port();
    asio::co_spawn(acceptor_->get_executor(), Accept(), asio::detached);
    for (auto& worker : workers_) {
      worker->thread = std::thread([io = &worker->io] {
        auto work = asio::make_work_guard(*io);
        io->run();
      });
    }
    return {};
  }

  uint16_t port() const override { return port_; }

  HttpServerStats stats() const override {
    const Counters& counters = core_.counters;
    HttpServerStats stats;
    stats.connections = counters.connections;
    stats.refused_connections = counters.refused_connections;
    stats.requests = counters.requests;
    stats.malformed = counters.malformed;
    stats.too_large = counters.too_large;
    stats.shed = counters.shed;
    stats.timed_out = counters.timed_out;
    stats.inflight_bytes = counters.inflight_bytes;
    std::lock_guard lock(core_.mutex);
    stats.open_connections = core_.sessions.size();
    return stats;
  }

 private:
  // Runs on the first worker and deals the connections out in turn.
  asio::awaitable<void> Accept() {
    asio::steady_timer pause(acceptor_->get_executor());
    for (size_t turn = 0; !core_.stopping; ++turn) {
      asio::io_context& io = workers_[turn % workers_.size()]->io;
      auto [ec, socket] = co_await acceptor_->async_accept(io, kAwait);
      if (core_.stopping || ec == asio::error::operation_aborted) co_return;
      if (ec) {
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(kAwait);
        continue;
      }
      StartSession(std::move(socket));
    }
  }

  void StartSession(tcp::socket socket) {
    error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    std::shared_ptr<Session> session;
    {
      std::lock_guard lock(core_.mutex);
      if (core_.sessions.size() >= core_.options.max_connections) {
        ++core_.counters.refused_connections;
        return;  // closes the socket
      }
      session = std::make_shared<Session>(std::move(socket), &core_);
      core_.sessions.emplace(session.get(), session);
    }
    ++core_.counters.connections;
    auto executor = session->executor();
    asio::co_spawn(executor, Session::Run(std::move(session)), asio::detached);
  }

  std::vector<std::shared_ptr<Session>> Sessions() {
    std::vector<std::shared_ptr<Session>> sessions;
    std::lock_guard lock(core_.mutex);
    for (auto& [key, weak] : core_.sessions) {
      if (auto session = weak.lock()) sessions.push_back(std::move(session));
    }
    return sessions;
  }

  mutable Core core_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::optional<tcp::acceptor> acceptor_;
  uint16_t port_ = 0;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options,
                                                      HttpHandler handler) {
  try {
    auto server = std::make_unique<Server>(std::move(options), std::move(handler));
    TIDEMARK_RETURN_IF_ERROR(server->Listen());
    return std::unique_ptr<HttpServer>(std::move(server));
  } catch (const std::exception& e) {
    return IoError(std::string("cannot start the HTTP server: ") + e.what());
  }
}

}  // namespace tidemark
