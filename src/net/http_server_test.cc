// A real server on loopback. Groups: what a well-behaved client gets, what limits do, what an enemy
// cannot do.
#include "net/http_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <random>
#include <thread>

#include "base/gzip.h"
#include "base/time.h"
#include "net/raw_connection.h"

namespace tidemark {
namespace {

// Tells what it got; /big?n=N answers N bytes.
void Echo(HttpRequest request, HttpResponder respond) {
  HttpResponse response;
  if (request.path == "/big") {
    response.body = std::string(std::stoul(QueryOr(request, "n")), 'x');
  } else {
    response.body = request.method + " " + request.path + " " + QueryOr(request, "q") + " " +
                    std::to_string(request.body.size()) + " " + HeaderOr(request.headers, "x-mark");
  }
  response.headers.emplace_back("X-Peer", request.peer_address);
  respond(std::move(response));
}

std::unique_ptr<HttpServer> StartOrDie(HttpServerOptions options, HttpHandler handler = Echo) {
  auto server = HttpServer::Start(std::move(options), std::move(handler));
  if (!server) ADD_FAILURE() << server.error().message;
  return std::move(*server);
}

std::string UrlOf(const HttpServer& server, const std::string& target) {
  return "http://127.0.0.1:" + std::to_string(server.port()) + target;
}

HttpCall Call(const HttpServer& server, const std::string& target, const std::string& body = "") {
  HttpCall call;
  call.url = UrlOf(server, target);
  call.body = body;
  if (!body.empty()) call.method = "POST";
  return call;
}

// Waits for something that another thread does; false after 10 s.
bool Eventually(const std::function<bool()>& condition) {
  int64_t deadline_ns = SteadyClockNs() + 10 * kNsPerSecond;
  while (!condition()) {
    if (SteadyClockNs() > deadline_ns) return false;
    std::this_thread::yield();
  }
  return true;
}

bool IsAlive(const HttpServer& server) {
  auto reply = Fetch(Call(server, "/alive"));
  return reply && reply->status == 200;
}

TEST(HttpServerTest, HandlerSeesTheWholeRequest) {
  auto server = StartOrDie({});
  HttpCall call = Call(*server, "/a%20b?q=1%262", std::string(300'000, 'z'));
  call.headers.emplace_back("X-Mark", "here");
  auto reply = Fetch(call);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "POST /a b 1&2 300000 here");
  EXPECT_EQ(HeaderOr(reply->headers, "x-peer"), "127.0.0.1");
  EXPECT_TRUE(Eventually([&] { return server->stats().requests == 1u; }));
}

TEST(HttpServerTest, KeepsAConnectionForManyRequestsAndPipelines) {
  auto server = StartOrDie({});
  RawConnection connection(server->port());
  std::string requests;
  for (int i = 0; i < 5; ++i)
    requests += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  requests += "GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
  ASSERT_TRUE(connection.Send(requests));
  std::string all = connection.ReadToEnd();
  size_t place = 0;
  for (const char* path : {"/0", "/1", "/2", "/3", "/4", "/last"}) {
    place = all.find(std::string("GET ") + path, place);
    ASSERT_NE(place, std::string::npos) << path << " in " << all;
  }
  EXPECT_TRUE(Eventually([&] { return server->stats().connections == 1u; }));
  EXPECT_TRUE(Eventually([&] { return server->stats().requests == 6u; }));
}

TEST(HttpServerTest, ChunkedBodiesArriveJoined) {
  auto server = StartOrDie({});
  RawConnection connection(server->port());
  ASSERT_TRUE(connection.Send(
      "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "5\r\nhello\r\n6;note=1\r\n world\r\n0\r\n\r\n"));
  EXPECT_NE(connection.ReadToEnd().find("POST /c  11"), std::string::npos);
}

TEST(HttpServerTest, ExpectContinueIsAnsweredBeforeTheBodyIsSent) {
  auto server = StartOrDie({});
  RawConnection connection(server->port());
  ASSERT_TRUE(
      connection.Send("POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: "
                      "100-continue\r\nConnection: close\r\n\r\n"));
  EXPECT_EQ(connection.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(connection.Send("abc"));
  EXPECT_NE(connection.ReadToEnd().find("POST /e  3"), std::string::npos);
}

TEST(HttpServerTest, HeadHasTheLengthButNoBodyAndOptionsReachTheHandler) {
  auto server = StartOrDie({});
  HttpCall call = Call(*server, "/h");
  call.method = "HEAD";
  auto reply = Fetch(call);
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "");
  EXPECT_EQ(HeaderOr(reply->headers, "Content-Length"), "11");
  call.method = "OPTIONS";
  EXPECT_EQ(Fetch(call)->body, "OPTIONS /h  0 ");
}

TEST(HttpServerTest, ResponderMayBeCalledLaterFromAnotherThreadAndOnlyOnce) {
  std::promise<HttpResponder> kept;
  auto server = StartOrDie(
      {}, [&](HttpRequest, HttpResponder respond) { kept.set_value(std::move(respond)); });
  auto reply = std::async(std::launch::async, [&] { return Fetch(Call(*server, "/later")); });
  HttpResponder respond = kept.get_future().get();
  HttpResponse first, second;
  first.body = "first";
  second.body = "second";
  respond(first);
  respond(second);
  auto got = reply.get();
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->body, "first");
}

TEST(HttpServerTest, HandlerThatForgetsOrThrowsGives500) {
  auto server = StartOrDie({}, [](HttpRequest request, HttpResponder) {
    if (request.path == "/throw") throw std::runtime_error("broken");
  });
  EXPECT_EQ(Fetch(Call(*server, "/forget"))->status, 500);
  EXPECT_EQ(Fetch(Call(*server, "/throw"))->status, 500);
}

TEST(HttpServerTest, HandlerThatNeverAnswersGives503AfterTheTimeout) {
  std::vector<HttpResponder> kept;
  HttpServerOptions options;
  options.answer_timeout_ns = 20'000'000;
  auto server = StartOrDie(
      options, [&](HttpRequest, HttpResponder respond) { kept.push_back(std::move(respond)); });
  EXPECT_EQ(Fetch(Call(*server, "/never"))->status, 503);
  EXPECT_TRUE(Eventually([&] { return server->stats().timed_out == 1u; }));
}

TEST(HttpServerTest, ResponderOutlivesTheServer) {
  std::promise<HttpResponder> kept;
  HttpServerOptions options;
  options.drain_timeout_ns = 1'000'000;
  auto server = StartOrDie(
      options, [&](HttpRequest, HttpResponder respond) { kept.set_value(std::move(respond)); });
  RawConnection connection(server->port());
  ASSERT_TRUE(connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  HttpResponder respond = kept.get_future().get();
  server.reset();
  respond({});
  EXPECT_EQ(connection.ReadToEnd(), "");
}

TEST(HttpServerTest, StoppingLetsARequestInProgressFinish) {
  std::promise<HttpResponder> kept;
  auto server = StartOrDie(
      {}, [&](HttpRequest, HttpResponder respond) { kept.set_value(std::move(respond)); });
  RawConnection busy(server->port()), idle(server->port());
  ASSERT_TRUE(busy.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  HttpResponder respond = kept.get_future().get();
  std::thread stop([&] { server.reset(); });
  EXPECT_EQ(idle.ReadToEnd(), "");  // closed: the server is stopping
  respond({});
  EXPECT_NE(busy.ReadToEnd().find("200 OK"), std::string::npos);
  stop.join();
}

TEST(HttpServerTest, PortInUseIsNamed) {
  auto server = StartOrDie({});
  HttpServerOptions options;
  options.port = server->port();
  auto second = HttpServer::Start(options, Echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kIo);
  EXPECT_NE(second.error().message.find("127.0.0.1:" + std::to_string(options.port)),
            std::string::npos);
  options.address = "nonsense";
  EXPECT_EQ(HttpServer::Start(options, Echo).error().code, ErrorCode::kInvalidArgument);
}

TEST(HttpServerLimitTest, TooLargeABodyGets413ThroughRefuse) {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  options.refuse = [](int status, const std::string& message, const std::string& content_type) {
    HttpResponse response;
    response.status = status;
    response.content_type = content_type;
    response.body = "refused: " + message;
    return response;
  };
  auto server = StartOrDie(options);
  HttpCall call = Call(*server, "/", std::string(1000, 'a'));
  call.headers.emplace_back("Content-Type", "application/x-protobuf");
  EXPECT_EQ(Fetch(call)->status, 200);
  for (size_t size : {size_t{1001}, size_t{5} << 20}) {
    call.body = std::string(size, 'a');
    auto reply = Fetch(call);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, 413);
    EXPECT_EQ(reply->body, "refused: body larger than 1000 bytes");
    EXPECT_EQ(HeaderOr(reply->headers, "Content-Type"), "application/x-protobuf");
  }
  RawConnection chunked(server->port());
  std::string chunk = "1f4\r\n" + std::string(500, 'b') + "\r\n";
  ASSERT_TRUE(chunked.Send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                           chunk + chunk + chunk));
  chunked.FinishSending();
  EXPECT_EQ(chunked.ReadToEnd().substr(0, 12), "HTTP/1.1 413");
  EXPECT_TRUE(Eventually([&] { return server->stats().too_large == 3u; }));
  EXPECT_TRUE(Eventually([&] { return server->stats().inflight_bytes == 0; }));
}

// Counts what it is given, by way of the test's own variables; refuses from `refuse_from` bytes on.
struct CountingSink : HttpBodySink {
  struct Seen {
    std::atomic<uint64_t> bytes{0}, pieces{0}, largest{0}, alive{0};
  };
  CountingSink(Seen* seen, uint64_t refuse_from) : seen_(seen), refuse_from_(refuse_from) {
    ++seen_->alive;
  }
  ~CountingSink() override { --seen_->alive; }
  uint64_t max_bytes() const override { return 64 << 20; }
  Result<void> Write(std::string_view piece) override {
    seen_->bytes += piece.size();
    ++seen_->pieces;
    seen_->largest = std::max<uint64_t>(seen_->largest, piece.size());
    if (seen_->bytes >= refuse_from_) return TooLarge("the disk is full");
    return {};
  }
  Seen* const seen_;
  const uint64_t refuse_from_;
};

HttpServerOptions WithSink(CountingSink::Seen* seen, uint64_t refuse_from = ~uint64_t{0}) {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  options.max_inflight_bytes = 1 << 20;
  options.body_sink = [=](const HttpRequest& head) -> Result<std::shared_ptr<HttpBodySink>> {
    if (head.path == "/nobody") return NotFound("nobody wants this");
    if (head.path == "/later") return Overloaded("come back");
    if (head.path != "/sink") return std::shared_ptr<HttpBodySink>();
    return std::shared_ptr<HttpBodySink>(std::make_shared<CountingSink>(seen, refuse_from));
  };
  return options;
}

TEST(HttpServerSinkTest, ABodyLargerThanMemoryMayBeGoesToItsSinkInPieces) {
  CountingSink::Seen seen;
  auto server = StartOrDie(WithSink(&seen), [](HttpRequest request, HttpResponder respond) {
    respond({.body = request.sink ? "kept " + std::to_string(request.body.size()) : "none"});
  });
  const std::string body(20 << 20, 'd');
  const auto reply = Fetch(Call(*server, "/sink", body));
  ASSERT_TRUE(reply) << reply.error().message;
  EXPECT_EQ(reply->body, "kept 0");
  EXPECT_EQ(seen.bytes, body.size());
  EXPECT_LE(seen.largest, 64u << 10);
  EXPECT_EQ(Fetch(Call(*server, "/other", "small"))->body, "none");
  EXPECT_TRUE(Eventually([&] { return seen.alive == 0 && server->stats().inflight_bytes == 0; }));
}

TEST(HttpServerSinkTest, ChunkedBodiesReachTheSinkWhole) {
  CountingSink::Seen seen;
  auto server = StartOrDie(WithSink(&seen));
  RawConnection connection(server->port());
  ASSERT_TRUE(connection.Send(
      "POST /sink HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
      "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"));
  EXPECT_NE(connection.ReadToEnd().find("200 OK"), std::string::npos);
  EXPECT_EQ(seen.bytes, 11u);
}

TEST(HttpServerSinkTest, ARefusalOfTheHeadComesBeforeTheBody) {
  CountingSink::Seen seen;
  auto server = StartOrDie(WithSink(&seen));
  EXPECT_EQ(Fetch(Call(*server, "/nobody", "body"))->status, 404);
  const auto later = Fetch(Call(*server, "/later", "body"));
  EXPECT_EQ(later->status, 429);
  EXPECT_EQ(HeaderOr(later->headers, "Retry-After"), "1");
  RawConnection connection(server->port());
  ASSERT_TRUE(connection.Send(
      "POST /nobody HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"));
  EXPECT_EQ(connection.ReadToEnd().substr(0, 12), "HTTP/1.1 404");
  EXPECT_EQ(seen.bytes, 0u);
}

TEST(HttpServerSinkTest, WhatTheSinkRefusesOrTheClientBreaksOffIsGivenBack) {
  CountingSink::Seen seen;
  auto server = StartOrDie(WithSink(&seen, 1 << 20));
  EXPECT_EQ(Fetch(Call(*server, "/sink", std::string(2 << 20, 'd')))->status, 413);
  RawConnection huge(server->port());
  ASSERT_TRUE(huge.Send("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"));
  EXPECT_EQ(huge.ReadToEnd().substr(0, 12), "HTTP/1.1 413");
  {
    RawConnection broken(server->port());
    ASSERT_TRUE(broken.Send("POST /sink HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n" +
                            std::string(100, 'x')));
    broken.FinishSending();
    broken.ReadToEnd();
  }
  EXPECT_TRUE(Eventually([&] { return seen.alive == 0 && server->stats().inflight_bytes == 0; }));
  EXPECT_EQ(server->stats().requests, 0u);  // the handler saw none of them
}

TEST(HttpServerLimitTest, GiantHeadersGet431) {
  auto server = StartOrDie({});
  RawConnection connection(server->port());
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(1 << 20, 'h') + "\r\n\r\n");
  EXPECT_EQ(connection.ReadToEnd().substr(0, 12), "HTTP/1.1 431");
  EXPECT_TRUE(IsAlive(*server));
}

TEST(HttpServerLimitTest, BodiesInFlightAreBoundedAndShedWithRetryAfter) {
  std::mutex mutex;
  std::vector<HttpResponder> kept;
  HttpServerOptions options;
  options.max_inflight_bytes = 1 << 20;
  auto server = StartOrDie(options, [&](HttpRequest, HttpResponder respond) {
    std::lock_guard lock(mutex);
    kept.push_back(std::move(respond));
  });
  auto first = std::async(std::launch::async,
                          [&] { return Fetch(Call(*server, "/", std::string(900'000, 'a'))); });
  ASSERT_TRUE(Eventually([&] { return server->stats().requests == 1; }));
  auto second = Fetch(Call(*server, "/", std::string(900'000, 'b')));
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->status, 503);
  EXPECT_EQ(HeaderOr(second->headers, "Retry-After"), "1");
  EXPECT_TRUE(Eventually([&] { return server->stats().shed == 1u; }));
  {
    std::lock_guard lock(mutex);
    kept.at(0)({});
  }
  EXPECT_EQ(first.get()->status, 200);
  EXPECT_TRUE(Eventually([&] { return server->stats().inflight_bytes == 0; }));
}

TEST(HttpServerLimitTest, AnnouncedButUnsentBodiesReserveNothing) {
  HttpServerOptions options;
  options.max_inflight_bytes = 1 << 20;
  auto server = StartOrDie(options);
  std::vector<std::unique_ptr<RawConnection>> liars;
  for (int i = 0; i < 10; ++i) {
    liars.push_back(std::make_unique<RawConnection>(server->port()));
    ASSERT_TRUE(
        liars.back()->Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000000\r\n\r\n"));
  }
  ASSERT_TRUE(Eventually([&] { return server->stats().inflight_bytes == 10 * (64 << 10); }));
  EXPECT_EQ(Fetch(Call(*server, "/", std::string(300'000, 'a')))->status, 200);
}

TEST(HttpServerLimitTest, ConnectionsAboveTheLimitAreClosedAndCounted) {
  HttpServerOptions options;
  options.max_connections = 2;
  auto server = StartOrDie(options);
  RawConnection first(server->port()), second(server->port());
  ASSERT_TRUE(Eventually([&] { return server->stats().open_connections == 2; }));
  RawConnection third(server->port());
  EXPECT_EQ(third.ReadToEnd(), "");
  EXPECT_TRUE(Eventually([&] { return server->stats().refused_connections == 1u; }));
}

TEST(HttpServerEnemyTest, SlowAndSilentClientsAreCutOffWhileOthersAreServed) {
  HttpServerOptions options;
  options.idle_timeout_ns = 300'000'000;
  auto server = StartOrDie(options);
  RawConnection silent(server->port()), half_header(server->port()), half_body(server->port());
  ASSERT_TRUE(half_header.Send("GET / HTTP/1.1\r\nHost:"));
  ASSERT_TRUE(half_body.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"));
  EXPECT_TRUE(IsAlive(*server));
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_EQ(half_header.ReadToEnd(), "");
  EXPECT_EQ(half_body.ReadToEnd(), "");
  EXPECT_TRUE(Eventually([&] { return server->stats().timed_out == 2u; }));
  EXPECT_TRUE(Eventually([&] { return server->stats().open_connections == 0; }));
}

TEST(HttpServerEnemyTest, DrippingAByteAtATimeDoesNotExtendTheDeadline) {
  HttpServerOptions options;
  options.idle_timeout_ns = 200'000'000;
  auto server = StartOrDie(options);
  RawConnection dripping(server->port());
  ASSERT_TRUE(dripping.Send("GET / HTTP/1.1\r\nX: "));
  EXPECT_TRUE(Eventually([&] {
    dripping.Send("a");
    return server->stats().timed_out + server->stats().malformed > 0;
  }));
}

TEST(HttpServerEnemyTest, HalfClosedAndVanishedClientsAreForgotten) {
  auto server = StartOrDie({});
  {
    RawConnection vanishes(server->port());
    ASSERT_TRUE(vanishes.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc"));
  }
  RawConnection half_closed(server->port());
  ASSERT_TRUE(half_closed.Send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n"));
  half_closed.FinishSending();
  EXPECT_NE(half_closed.ReadToEnd().find("GET /x"), std::string::npos);
  EXPECT_TRUE(Eventually([&] { return server->stats().open_connections == 0; }));
}

// A request with random damage: flipped, cut, or doubled bytes.
std::string Damaged(std::mt19937* random) {
  std::string request =
      "POST /v1/metrics?a=b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n";
  switch ((*random)() % 4) {
    case 0:
      request.resize((*random)() % request.size());
      break;
    case 1:
      for (char& c : request) c = static_cast<char>((*random)());
      break;
    case 2:
      request.insert((*random)() % request.size(), request.substr((*random)() % request.size()));
      break;
    default:
      for (int i = 0; i < 5; ++i)
        request[(*random)() % request.size()] = static_cast<char>((*random)());
  }
  return request;
}

TEST(HttpServerEnemyTest, AThousandMalformedRequestsLeaveValidClientsUnharmed) {
  auto server = StartOrDie({});
  std::atomic<bool> done{false};
  std::atomic<int> good{0}, bad{0};
  std::thread valid([&] {
    while (!done) {
      auto reply = Fetch(Call(*server, "/v?q=7", "hello"));
      ++(reply && reply->body == "POST /v 7 5 " ? good : bad);
    }
  });
  std::mt19937 random(20260102);
  for (int i = 0; i < 1000; ++i) {
    RawConnection connection(server->port());
    ASSERT_TRUE(connection.connected()) << i;
    connection.Send(Damaged(&random));
    connection.FinishSending();
    connection.ReadToEnd();
  }
  EXPECT_TRUE(Eventually([&] { return good > 0; }));
  done = true;
  valid.join();
  EXPECT_EQ(bad, 0);
  EXPECT_GT(server->stats().malformed, 100u);
  EXPECT_TRUE(Eventually([&] { return server->stats().open_connections == 0; }));
  EXPECT_TRUE(Eventually([&] { return server->stats().inflight_bytes == 0; }));
}

}  // namespace
}  // namespace tidemark
