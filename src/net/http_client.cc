#include "net/http_client.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <exception>
#include <optional>

#include "base/gzip.h"
#include "net/url.h"

namespace tidemark {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr uint32_t kMaxReplyHeaderBytes = 64 << 10;
constexpr auto kGrace = std::chrono::milliseconds(50);
constexpr int kMaxInterimReplies = 8;  // 1xx before the real one
constexpr size_t kPieceBytes = 64 << 10;

// One call. Lives on the stack of Fetch, which runs it to its end in the calling thread.
class Exchange {
 public:
  Exchange(const HttpCall& call, const Url& url)
      : call_(call), url_(url), resolver_(io_), stream_(io_) {}

  Result<HttpReply> Run() {
    auto timeout = std::chrono::nanoseconds(call_.timeout_ns);
    asio::co_spawn(io_, Talk(timeout), [this](std::exception_ptr failure) { failure_ = failure; });
    // The stream's own deadline ends every step but the name lookup; the loop's ends that one too.
    auto deadline = std::chrono::steady_clock::now() + timeout + kGrace;
    while (!io_.stopped() && std::chrono::steady_clock::now() < deadline) {
      if (call_.cancelled != nullptr && *call_.cancelled) return Unavailable(Place() + "cancelled");
      io_.run_until(std::min(deadline, std::chrono::steady_clock::now() + kGrace));
    }
    if (failure_) return Describe(failure_);
    if (!outcome_) return Unavailable(Place() + "no answer within " + TimeoutText());
    return std::move(*outcome_);
  }

 private:
  using Parser = http::response_parser<http::buffer_body>;

  asio::awaitable<void> Talk(std::chrono::nanoseconds timeout) {
    stream_.expires_after(timeout);
    // GCC 12 mixes up temporaries inside co_await expressions, hence the named strings.
    std::string port = std::to_string(url_.port);
    auto [resolve_error, endpoints] = co_await resolver_.async_resolve(url_.host, port, kAwait);
    if (resolve_error) co_return Fail("cannot resolve '" + url_.host + "'", resolve_error);
    auto [connect_error, endpoint] = co_await stream_.async_connect(endpoints, kAwait);
    if (connect_error) co_return Fail("cannot connect", connect_error);
    http::request<http::string_body> request = MakeRequest();
    auto [write_error, written] = co_await http::async_write(stream_, request, kAwait);
    // A peer may answer (413) and stop reading before it has our whole body: look for its answer
    // all the same.
    bool cut_off =
        write_error == asio::error::connection_reset || write_error == asio::error::broken_pipe;
    if (write_error && !cut_off) co_return Fail("cannot send", write_error);
    beast::flat_buffer buffer;
    for (int i = 0; i < kMaxInterimReplies; ++i) {
      Parser parser;
      parser.header_limit(kMaxReplyHeaderBytes);
      parser.body_limit(call_.max_response_bytes);
      if (call_.method == "HEAD") parser.skip(true);
      auto [head_error, head] = co_await http::async_read_header(stream_, buffer, parser, kAwait);
      if (head_error) co_return Fail("cannot read the reply", head_error);
      if (parser.get().result_int() / 100 == 1) continue;
      co_return co_await TakeBody(&buffer, &parser);
    }
    outcome_ = Unavailable(Place() + "too many interim (1xx) replies");
  }

  // Reads the body into the reply, or gives it to the call's own taker.
  asio::awaitable<void> TakeBody(beast::flat_buffer* buffer, Parser* parser) {
    HttpReply reply;
    reply.status = static_cast<int>(parser->get().result_int());
    for (const auto& field : parser->get())
      reply.headers.emplace_back(field.name_string(), field.value());
    const bool given_on = call_.write_body && reply.status == 200;
    std::vector<char> piece(kPieceBytes);
    while (!parser->is_done()) {
      auto& room = parser->get().body();
      room.data = piece.data();
      room.size = piece.size();
      auto [error, read] = co_await http::async_read_some(stream_, *buffer, *parser, kAwait);
      if (error && error != http::error::need_buffer)
        co_return Fail("cannot read the reply", error);
      const std::string_view got(piece.data(), piece.size() - room.size);
      if (!given_on) {
        reply.body += got;
      } else if (auto taken = call_.write_body(got); !taken) {
        outcome_ = taken.error();
        co_return;
      }
    }
    outcome_ = Inflated(std::move(reply));
  }

  http::request<http::string_body> MakeRequest() const {
    http::request<http::string_body> request;
    request.version(11);
    request.method_string(call_.method);
    request.target(url_.target);
    request.set(http::field::host, url_.authority);
    request.set(http::field::connection, "close");
    if (HeaderOr(call_.headers, "Accept-Encoding").empty() && !call_.write_body)
      request.set(http::field::accept_encoding, "gzip");
    for (const auto& [name, value] : call_.headers) request.insert(name, value);
    request.body() = call_.body;
    if (!call_.body.empty() || (call_.method != "GET" && call_.method != "HEAD"))
      request.prepare_payload();
    return request;
  }

  Result<HttpReply> Inflated(HttpReply reply) const {
    if (beast::iequals(HeaderOr(reply.headers, "Content-Encoding"), "gzip") &&
        !reply.body.empty()) {
      auto inflated = Gunzip(reply.body, call_.max_response_bytes);
      if (!inflated) {
        return Error{inflated.error().code, Place() + "gzip body: " + inflated.error().message};
      }
      reply.body = std::move(*inflated);
    }
    return reply;
  }

  void Fail(const std::string& what, const error_code& ec) {
    if (ec == http::error::body_limit) {
      outcome_ = TooLarge(Place() + "reply is larger than " +
                          std::to_string(call_.max_response_bytes) + " bytes");
    } else if (ec == beast::error::timeout) {
      outcome_ = Unavailable(Place() + "no answer within " + TimeoutText());
    } else {
      outcome_ = Unavailable(Place() + what + ": " + ec.message());
    }
  }

  Error Describe(const std::exception_ptr& failure) const {
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& e) {
      return Unavailable(Place() + e.what());
    }
  }

  std::string Place() const { return call_.method + " " + call_.url + ": "; }
  std::string TimeoutText() const { return std::to_string(call_.timeout_ns / 1'000'000) + " ms"; }

  const HttpCall& call_;
  const Url& url_;
  asio::io_context io_{1};
  tcp::resolver resolver_;
  beast::tcp_stream stream_;
  std::optional<Result<HttpReply>> outcome_;
  std::exception_ptr failure_;
};

// A token of RFC 9110 section 5.6.2, as methods and header names are.
bool IsToken(const std::string& text) {
  static const std::string kMarks = "!#$%&'*+-.^_`|~";
  for (char c : text) {
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!alphanumeric && kMarks.find(c) == std::string::npos) return false;
  }
  return !text.empty();
}

Result<void> CheckCall(const HttpCall& call) {
  if (!IsToken(call.method))
    return InvalidArgument(call.url + ": '" + call.method + "' is not an HTTP method");
  if (call.timeout_ns <= 0) return InvalidArgument(call.url + ": timeout_ns is not positive");
  for (const auto& [name, value] : call.headers) {
    if (!IsToken(name) || value.find_first_of(std::string("\r\n\0", 3)) != std::string::npos) {
      return InvalidArgument(call.url + ": header '" + name + "' cannot be sent");
    }
  }
  return {};
}

}  // namespace

Result<HttpReply> Fetch(const HttpCall& call) {
  TIDEMARK_ASSIGN_OR_RETURN(Url url, ParseUrl(call.url));
  TIDEMARK_RETURN_IF_ERROR(CheckCall(call));
  try {
    return Exchange(call, url).Run();
  } catch (const std::exception& e) {
    return Unavailable(call.method + " " + call.url + ": " + e.what());
  }
}

}  // namespace tidemark
