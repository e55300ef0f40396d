#include "net/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "net/http_session.h"

namespace tidemark {
namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;
using std::chrono::nanoseconds;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr auto kAcceptPause = std::chrono::milliseconds(50);  // when out of file descriptors

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
    const HttpCounters& counters = core_.counters;
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
      StartHttpSession(std::move(socket), &core_);
    }
  }

  std::vector<std::shared_ptr<HttpSession>> Sessions() {
    std::vector<std::shared_ptr<HttpSession>> sessions;
    std::lock_guard lock(core_.mutex);
    for (auto& [key, weak] : core_.sessions) {
      if (auto session = weak.lock()) sessions.push_back(std::move(session));
    }
    return sessions;
  }

  mutable HttpCore core_;
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
