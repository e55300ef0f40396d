#include "net/http_client.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/gzip.h"
#include "net/http_server.h"

namespace tidemark {
namespace {

// A peer that accepts one connection, reads a little, sends `bytes` and closes, or stays open when
// `hold`.
class OneShotPeer {
 public:
  explicit OneShotPeer(std::string bytes, bool hold = false);
  ~OneShotPeer();
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/x"; }

 private:
  int listener_;
  uint16_t port_ = 0;
  int release_[2];
  std::thread thread_;
};

}  // namespace
}  // namespace tidemark

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tidemark {
namespace {

OneShotPeer::OneShotPeer(std::string bytes, bool hold)
    : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  listen(listener_, 1);
  socklen_t size = sizeof address;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  EXPECT_EQ(pipe(release_), 0);
  thread_ = std::thread([this, bytes = std::move(bytes), hold] {
    int peer = accept(listener_, nullptr, nullptr);
    if (peer < 0) return;  // nobody came
    char request[4096];
    if (recv(peer, request, sizeof request, 0) > 0)
      send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    char end;
    if (hold) (void)!read(release_[0], &end, 1);
    close(peer);
  });
}

OneShotPeer::~OneShotPeer() {
  close(release_[1]);
  shutdown(listener_, SHUT_RDWR);  // wakes accept: a call cancelled early never connects
  thread_.join();
  close(release_[0]);
  close(listener_);
}

Result<HttpReply> Get(const std::string& url, int64_t timeout_ns = 5'000'000'000,
                      size_t limit = 1 << 20) {
  HttpCall call;
  call.url = url;
  call.timeout_ns = timeout_ns;
  call.max_response_bytes = limit;
  return Fetch(call);
}

TEST(FetchTest, ReadsRepliesOfAllFramings) {
  const std::pair<std::string, std::string> cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", "hi"},
      {"HTTP/1.0 200 OK\r\n\r\nhi", "hi"},
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi"},
  };
  for (const auto& [bytes, body] : cases) {
    OneShotPeer peer(bytes);
    auto reply = Get(peer.url());
    ASSERT_TRUE(reply) << bytes << reply.error().message;
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, body);
  }
}

TEST(FetchTest, LargeBodiesArePassedOnPieceByPiece) {
  const std::string body = std::string(300'000, 'd') + "end";
  const std::string bytes =
      "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  std::string got;
  size_t largest = 0;
  HttpCall call;
  call.write_body = [&](std::string_view piece) -> Result<void> {
    largest = std::max(largest, piece.size());
    got += piece;
    return {};
  };
  {
    OneShotPeer peer(bytes);
    call.url = peer.url();
    const auto reply = Fetch(call);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body, "");
    EXPECT_EQ(got, body);
    EXPECT_LE(largest, 64u << 10);
  }
  {
    OneShotPeer cut(bytes.substr(0, bytes.size() - 1));
    call.url = cut.url();
    EXPECT_EQ(Fetch(call).error().code, ErrorCode::kUnavailable);
  }
  {
    got.clear();
    OneShotPeer other("HTTP/1.1 404 Gone\r\nContent-Length: 4\r\n\r\nnone");
    call.url = other.url();
    const auto reply = Fetch(call);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body, "none");
    EXPECT_EQ(got, "");
  }
  OneShotPeer peer(bytes);
  call.url = peer.url();
  call.write_body = [](std::string_view) -> Result<void> { return InvalidArgument("no dump"); };
  EXPECT_EQ(Fetch(call).error().message, "no dump");
}

TEST(FetchTest, AnyStatusIsAReply) {
  OneShotPeer peer("HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n");
  auto reply = Get(peer.url());
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 503);
  EXPECT_EQ(HeaderOr(reply->headers, "retry-after"), "7");
}

TEST(FetchTest, InflatesGzipWithinTheLimit) {
  std::string page(500'000, 'p');
  std::string packed = Gzip(page);
  std::string bytes = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " +
                      std::to_string(packed.size()) + "\r\n\r\n" + packed;
  {
    OneShotPeer peer(bytes);
    auto reply = Get(peer.url());
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->body, page);
  }
  OneShotPeer bomb(bytes);
  auto reply = Get(bomb.url(), 5'000'000'000, 10'000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kResourceExhausted);
  EXPECT_NE(reply.error().message.find(bomb.url()), std::string::npos);
}

TEST(FetchTest, RepliesAboveTheLimitAreRefused) {
  OneShotPeer peer("HTTP/1.0 200 OK\r\n\r\n" + std::string(20'000, 'x'));
  auto reply = Get(peer.url(), 5'000'000'000, 10'000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kResourceExhausted);
}

TEST(FetchTest, UnreachableSilentAndBrokenPeersAreUnavailableAndNamed) {
  std::string unused_url;
  {
    auto server = HttpServer::Start({}, [](HttpRequest, HttpResponder) {});
    unused_url = "http://127.0.0.1:" + std::to_string((*server)->port()) + "/gone";
  }
  auto refused = Get(unused_url);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_NE(refused.error().message.find(unused_url), std::string::npos);
  EXPECT_NE(refused.error().message.find("refused"), std::string::npos) << refused.error().message;

  OneShotPeer silent("", true);
  auto timed_out = Get(silent.url(), 50'000'000);
  ASSERT_FALSE(timed_out);
  EXPECT_EQ(timed_out.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(timed_out.error().message.find("no answer within 50 ms"), std::string::npos)
      << timed_out.error().message;

  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"}) {
    OneShotPeer broken(bytes);
    auto reply = Get(broken.url());
    ASSERT_FALSE(reply) << bytes;
    EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  }
}

TEST(FetchTest, DrippingPeerDoesNotExtendTheDeadline) {
  OneShotPeer dripping("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true);
  auto reply = Get(dripping.url(), 100'000'000);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
}

TEST(FetchTest, ACancelledCallEndsWithoutItsAnswer) {
  OneShotPeer silent("", true);
  std::atomic<bool> cancelled{false};
  HttpCall call;
  call.url = silent.url();
  call.timeout_ns = 3600'000'000'000;
  call.cancelled = &cancelled;
  std::thread canceller([&] { cancelled = true; });
  auto reply = Fetch(call);
  canceller.join();
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(reply.error().message.find("cancelled"), std::string::npos);
}

TEST(FetchTest, CallsThatCannotBeSentAreInvalid) {
  HttpCall call;
  for (const char* url : {"https://a/", "nonsense", "http://a:99999/"}) {
    call.url = url;
    EXPECT_EQ(Fetch(call).error().code, ErrorCode::kInvalidArgument) << url;
  }
  call.url = "http://127.0.0.1:1/";
  call.method = "GE T";
  EXPECT_EQ(Fetch(call).error().code, ErrorCode::kInvalidArgument);
  call.method = "GET";
  call.headers = {{"X", "a\r\nY: b"}};
  EXPECT_EQ(Fetch(call).error().code, ErrorCode::kInvalidArgument);
  call.headers.clear();
  call.timeout_ns = 0;
  EXPECT_EQ(Fetch(call).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace tidemark
