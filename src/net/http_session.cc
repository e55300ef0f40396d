#include "net/http_session.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>

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

HttpResponse Refusal(const HttpCore& core, int status, const std::string& message,
                     const std::string& content_type) {
  if (core.options.refuse) return core.options.refuse(status, message, content_type);
  HttpResponse response;
  response.status = status;
  response.body = message + "\n";
  return response;
}

int StatusOf(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kCorrupt:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kResourceExhausted:
      return error.retryable ? 429 : 413;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
      break;
  }
  return 500;
}

// A share of max_inflight_bytes; given back when it ends.
class Lease {
 public:
  explicit Lease(HttpCore* core) : core_(core) {}
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
  HttpCore* core_;
  size_t bytes_ = 0;
};

class Session : public HttpSession, public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, HttpCore* core)
      : core_(core),
        stream_(std::move(socket)),
        answer_timer_(stream_.get_executor()),
        buffer_(std::max(kReadBufferBytes, 2 * core->options.max_header_bytes)) {}
  ~Session() override {
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

  void CloseIfIdle() override {
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
    parser.body_limit(boost::none);  // told from the header
    auto [ec, n] = co_await http::async_read_header(stream_, buffer_, parser, kAwait);
    if (ec) {
      co_await RefuseUnread(ec, parser);
      co_return false;
    }
    HttpRequest request;
    const std::string problem = FillRequest(parser, &request);
    if (!problem.empty()) {
      ++core_->counters.malformed;
      co_await RefuseAndDrain(Refusal(*core_, 400, problem, ContentType(parser)));
      co_return false;
    }
    if (!co_await ChooseSink(parser, &request)) co_return false;
    max_body_bytes_ = request.sink ? request.sink->max_bytes() : core_->options.max_body_bytes;
    if (parser.content_length().value_or(0) > max_body_bytes_) {
      co_await RefuseUnread(http::error::body_limit, parser);
      co_return false;
    }
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      if (!co_await WriteContinue()) co_return false;
    }
    Lease lease(core_);
    if (!co_await ReadBody(&parser, &lease, &request)) co_return false;

    head_only_ = parser.get().method() == http::verb::head;
    keep_alive_ = parser.get().keep_alive();
    version_ = parser.get().version();
    std::string content_type = ContentType(parser);
    HttpResponse response = co_await Handle(std::move(request), std::move(content_type));
    co_return co_await Write(std::move(response));
  }

  // Where the body of the request goes; false after a refusal.
  asio::awaitable<bool> ChooseSink(const Parser& parser, HttpRequest* request) {
    if (!core_->options.body_sink) co_return true;
    auto sink = core_->options.body_sink(*request);
    if (!sink) {
      co_await RefuseFor(sink.error(), parser);
      co_return false;
    }
    request->sink = std::move(*sink);
    co_return true;
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

  // Memory grows with what has arrived, not with what a client announces; a sink's body takes one
  // piece. False after a refusal.
  asio::awaitable<bool> ReadBody(Parser* parser, Lease* lease, HttpRequest* request) {
    std::string& body = request->body;
    uint64_t arrived = 0;
    while (!parser->is_done()) {
      size_t chunk = kBodyChunkBytes;
      if (auto rest = parser->content_length_remaining())
        chunk = std::min<size_t>(chunk, std::max<size_t>(*rest, 1));
      if ((!request->sink || body.empty()) && !lease->Grow(chunk)) {
        ++core_->counters.shed;
        HttpResponse refusal = Refusal(*core_, 503, "too many bytes of requests in progress; retry",
                                       ContentType(*parser));
        if (HeaderOr(refusal.headers, "Retry-After").empty())
          refusal.headers.emplace_back("Retry-After", "1");
        Drop(lease, &body);
        co_await RefuseAndDrain(std::move(refusal));
        co_return false;
      }
      const size_t before = request->sink ? 0 : body.size();
      body.resize(before + chunk);
      parser->get().body().data = body.data() + before;
      parser->get().body().size = chunk;
      parser->get().body().more = true;
      buffer_.reserve(chunk);
      auto [ec, n] = co_await http::async_read(stream_, buffer_, *parser, kAwait);
      const size_t got = chunk - parser->get().body().size;
      arrived += got;
      body.resize(before + got);
      if (ec == http::error::need_buffer) ec = {};
      if (arrived > max_body_bytes_) ec = http::error::body_limit;
      if (ec) {
        Drop(lease, &body);
        request->sink.reset();
        co_await RefuseUnread(ec, *parser);
        co_return false;
      }
      if (request->sink && !co_await GiveToSink(*parser, request)) co_return false;
    }
    if (request->sink) Drop(lease, &body);
    co_return true;
  }

  // A piece that arrived; false after a refusal.
  asio::awaitable<bool> GiveToSink(const Parser& parser, HttpRequest* request) {
    stream_.expires_after(nanoseconds(core_->options.idle_timeout_ns));
    auto taken = request->sink->Write(request->body);
    if (taken) co_return true;
    request->sink.reset();
    co_await RefuseFor(taken.error(), parser);
    co_return false;
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
      message = "body larger than " + std::to_string(max_body_bytes_) + " bytes";
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

  asio::awaitable<void> RefuseFor(const Error& error, const Parser& parser) {
    const int status = StatusOf(error);
    if (status == 413) ++core_->counters.too_large;
    HttpResponse refusal = Refusal(*core_, status, error.message, ContentType(parser));
    if (error.retryable && HeaderOr(refusal.headers, "Retry-After").empty())
      refusal.headers.emplace_back("Retry-After", "1");
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

  HttpCore* core_;
  beast::tcp_stream stream_;
  asio::steady_timer answer_timer_;
  beast::flat_buffer buffer_;
  bool idle_ = false, head_only_ = false, keep_alive_ = false;
  unsigned version_ = 11;
  uint64_t request_id_ = 0;
  uint64_t max_body_bytes_ = 0;  // of the request being read
  std::optional<HttpResponse> answer_;
};

// What a responder's copies share.
class Reply {
 public:
  Reply(HttpCore* core, std::weak_ptr<Session> session, uint64_t id, HttpResponse if_dropped)
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
  std::shared_ptr<HttpGate> gate_;
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
}  // namespace

void StartHttpSession(tcp::socket socket, HttpCore* core) {
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);
  std::shared_ptr<Session> session;
  {
    std::lock_guard lock(core->mutex);
    if (core->sessions.size() >= core->options.max_connections) {
      ++core->counters.refused_connections;
      return;  // closes the socket
    }
    session = std::make_shared<Session>(std::move(socket), core);
    core->sessions.emplace(session.get(), session);
  }
  ++core->counters.connections;
  auto executor = session->executor();
  asio::co_spawn(executor, Session::Run(std::move(session)), asio::detached);
}

}  // namespace tidemark
