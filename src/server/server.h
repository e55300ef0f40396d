// The server as a whole: ports, store, shard, scraper and captures put together.
#pragma once

#include <cstdint>
#include <memory>

#include "base/result.h"
#include "server/config.h"

namespace tidemark {

class Server {
 public:
  // Opens the store, restores incidents, listens. Errors name the port or directory and what to do.
  static Result<std::unique_ptr<Server>> Start(const ServerConfig& config);
  virtual ~Server() = default;  // stops listening, commits what is pending

  virtual uint16_t grpc_port() const = 0;
  virtual uint16_t http_port() const = 0;
  virtual uint16_t api_port() const = 0;
};

// `tidemark serve`: runs until SIGINT or SIGTERM. Returns the exit code.
int RunServer(const ServerConfig& config);

}  // namespace tidemark
