// HTTP load at a constant arrival rate over a few keep-alive connections. A latency counts from
// the instant at which the request was due, so that a server that falls behind cannot hide it.
// Only for this machine: other hosts are refused.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <cstdio>
#include <deque>
#include <memory>
#include <random>

#include "histogram.h"
#include "mix.h"
#include "net/url.h"

namespace load {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Clock = std::chrono::steady_clock;
using Error = boost::system::error_code;

struct Settings {
  std::string url = "http://127.0.0.1:8081";
  double rate = 1000;   // requests a second
  double seconds = 60;  // 0 = until SIGINT
  size_t connections = 16;
  double report_seconds = 5;
  tidemark::Url target;
};

struct Counts {
  uint64_t answered = 0, failed = 0, dropped = 0;
};

struct Due {
  Clock::time_point at;
  Route route;
};

std::string CheckoutBody(std::mt19937_64& random) {
  static constexpr const char* kSkus[] = {"tea-pot-red", "tea-cup-blue", "pan-iron-28",
                                          "towel-linen", "knife-bread-steel"};
  std::string items;
  for (int i = 0; i < 18; ++i) {
    items += std::string(i == 0 ? "" : ",") + "{\"sku\":\"" + kSkus[random() % 5] +
             "\",\"quantity\":" + std::to_string(1 + random() % 3) +
             ",\"cents\":" + std::to_string(199 + random() % 9000) +
             ",\"note\":\"wrap it, please, as a present\"}";
  }
  return "{\"user\":\"u" + std::to_string(random() % 10'000) + "\",\"items\":[" + items + "]}";
}

class Connection;

// Owns everything; one thread runs it.
class Generator {
 public:
  explicit Generator(Settings settings);
  void Run();

  // A connection that is free asks for work; it is called back when there is none now.
  bool Next(Due* due);
  void Idle(Connection* connection) { idle_.push_back(connection); }
  http::request<http::string_body> RequestFor(Route route);
  void Answered(Clock::time_point due, bool ok);

  asio::io_context io;
  asio::ip::tcp::endpoint endpoint;

 private:
  void Tick();
  void Report(const char* what, const Counts& counts, const Histogram& latencies, double seconds);
  double SecondsSince(Clock::time_point start) const {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  const Settings settings_;
  const Mix mix_;
  // Requests that wait for a connection: a second's worth; beyond, they are dropped and counted.
  const size_t max_waiting_;
  std::mt19937_64 random_{std::random_device{}()};
  std::vector<std::unique_ptr<Connection>> connections_;
  std::deque<Due> waiting_;
  std::vector<Connection*> idle_;
  asio::steady_timer timer_{io};
  asio::signal_set signals_{io, SIGINT, SIGTERM};
  Clock::time_point start_, period_start_;
  uint64_t issued_ = 0;
  Counts all_, period_;
  Histogram all_latencies_, period_latencies_;
};

// One keep-alive connection: takes the next request as soon as the last is answered.
class Connection {
 public:
  explicit Connection(Generator* generator)
      : generator_(generator), stream_(generator->io), retry_(generator->io) {}

  void Connect() {
    stream_.expires_after(std::chrono::seconds(5));
    stream_.async_connect(generator_->endpoint, [this](Error error) {
      if (error) return ConnectLater();
      stream_.socket().set_option(asio::ip::tcp::no_delay(true), error);
      Work();
    });
  }

  void Work() {
    if (!generator_->Next(&due_)) return generator_->Idle(this);
    request_ = generator_->RequestFor(due_.route);
    stream_.expires_after(std::chrono::seconds(10));
    http::async_write(stream_, request_, [this](Error error, size_t) {
      if (error) return Failed();
      response_ = {};
      http::async_read(stream_, buffer_, response_,
                       [this](Error read_error, size_t) { Finished(read_error); });
    });
  }

 private:
  void Finished(Error error) {
    if (error) return Failed();
    generator_->Answered(due_.at, response_.result_int() < 400);
    if (!response_.keep_alive()) return Reconnect();
    Work();
  }
  void Failed() {
    generator_->Answered(due_.at, false);
    Reconnect();
  }
  void Reconnect() {
    Error ignored;
    stream_.socket().close(ignored);
    buffer_.clear();
    ConnectLater();
  }
  void ConnectLater() {
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](Error error) {
      if (!error) Connect();
    });
  }

  Generator* generator_;
  beast::tcp_stream stream_;
  asio::steady_timer retry_;
  beast::flat_buffer buffer_;
  http::request<http::string_body> request_;
  http::response<http::string_body> response_;
  Due due_;
};

Generator::Generator(Settings settings)
    : settings_(std::move(settings)),
      max_waiting_(std::max<size_t>(16, static_cast<size_t>(settings_.rate))) {
  for (size_t i = 0; i < settings_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>(this));
  }
}

bool Generator::Next(Due* due) {
  if (waiting_.empty()) return false;
  *due = waiting_.front();
  waiting_.pop_front();
  return true;
}

http::request<http::string_body> Generator::RequestFor(Route route) {
  const bool checkout = route == Route::kCheckout;
  http::request<http::string_body> request(checkout ? http::verb::post : http::verb::get,
                                           checkout                  ? "/checkout"
                                           : route == Route::kSearch ? "/search?q=tea%20pot"
                                                                     : "/health",
                                           11);
  request.set(http::field::host, settings_.target.authority);
  request.set(http::field::user_agent, "tidemark-load");
  if (checkout) {
    request.set(http::field::content_type, "application/json");
    request.body() = CheckoutBody(random_);
  }
  request.prepare_payload();
  return request;
}

void Generator::Answered(Clock::time_point due, bool ok) {
  const auto latency = std::chrono::nanoseconds(Clock::now() - due).count();
  for (Counts* counts : {&all_, &period_}) ++(ok ? counts->answered : counts->failed);
  all_latencies_.Add(latency);
  period_latencies_.Add(latency);
}

void Generator::Report(const char* what, const Counts& counts, const Histogram& latencies,
                       double seconds) {
  std::printf(
      "%s %7.1f s  %8.1f req/s  p50 %7.3f ms  p99 %8.3f ms  failed %llu  dropped %llu  "
      "checkout share %.0f %%\n",
      what, SecondsSince(start_), static_cast<double>(counts.answered) / seconds,
      static_cast<double>(latencies.Quantile(0.5)) / 1e6,
      static_cast<double>(latencies.Quantile(0.99)) / 1e6,
      static_cast<unsigned long long>(counts.failed),
      static_cast<unsigned long long>(counts.dropped),
      100 * CheckoutShare(mix_, SecondsSince(start_)));
  std::fflush(stdout);
}

// Each millisecond: whatever is due by now joins the queue, and idle connections take it.
void Generator::Tick() {
  const double elapsed = SecondsSince(start_);
  if (settings_.seconds > 0 && elapsed >= settings_.seconds) return io.stop();
  const auto due = static_cast<uint64_t>(elapsed * settings_.rate);
  std::uniform_real_distribution<double> draw(0, 1);
  for (; issued_ < due; ++issued_) {
    const double at_s = static_cast<double>(issued_) / settings_.rate;
    if (waiting_.size() >= max_waiting_) {
      ++all_.dropped;
      ++period_.dropped;
      continue;
    }
    const auto offset =
        std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(at_s));
    waiting_.push_back({start_ + offset, PickRoute(mix_, at_s, draw(random_))});
  }
  while (!waiting_.empty() && !idle_.empty()) {
    Connection* connection = idle_.back();
    idle_.pop_back();
    connection->Work();
  }
  const double period = SecondsSince(period_start_);
  if (period >= settings_.report_seconds) {
    Report("load", period_, period_latencies_, period);
    period_start_ = Clock::now();
    period_ = {};
    period_latencies_.Clear();
  }
  timer_.expires_after(std::chrono::milliseconds(1));
  timer_.async_wait([this](Error error) {
    if (!error) Tick();
  });
}

void Generator::Run() {
  Error error;
  const std::string host =
      settings_.target.host == "localhost" ? "127.0.0.1" : settings_.target.host;
  endpoint = {asio::ip::make_address(host, error), settings_.target.port};
  signals_.async_wait([this](Error wait_error, int) {
    if (!wait_error) io.stop();
  });
  start_ = period_start_ = Clock::now();
  for (auto& connection : connections_) connection->Connect();
  Tick();
  io.run();
  Report("all ", all_, all_latencies_, std::max(SecondsSince(start_), 1e-9));
}

bool IsLoopback(const std::string& host) {
  if (host == "localhost") return true;
  Error error;
  const auto address = asio::ip::make_address(host, error);
  return !error && address.is_loopback();
}

}  // namespace

int RunLoad(int argc, char** argv) {
  Settings settings;
  CLI::App app("Constant-rate HTTP load on the example shops of this machine.", "load");
  app.add_option("--url", settings.url, "http://127.0.0.1:PORT")->capture_default_str();
  app.add_option("--rate", settings.rate, "Requests a second")
      ->check(CLI::Range(0.1, 200'000.0))
      ->capture_default_str();
  app.add_option("--seconds", settings.seconds, "How long, 0 = until SIGINT")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--connections", settings.connections, "Keep-alive connections")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--report", settings.report_seconds, "Seconds between two lines of figures")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  auto url = tidemark::ParseUrl(settings.url);
  if (!url || !IsLoopback(url->host)) {
    std::fprintf(
        stderr, "load: %s\n",
        url ? ("\"" + settings.url + "\" is not this machine; load is for 127.0.0.1 only").c_str()
            : url.error().message.c_str());
    return 2;
  }
  settings.target = *url;
  Generator(settings).Run();
  return 0;
}

}  // namespace load

int main(int argc, char** argv) { return load::RunLoad(argc, argv); }
