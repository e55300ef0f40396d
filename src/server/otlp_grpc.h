// OTLP/gRPC (port 4317): a generic service that hands raw message bytes to OtlpService.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "server/otlp_service.h"

namespace tidemark {

class OtlpGrpcServer {
 public:
  // Listens until destroyed. `port` 0 = any. Errors: i/o, naming the address.
  static Result<std::unique_ptr<OtlpGrpcServer>> Start(const std::string& address, uint16_t port,
                                                       OtlpService* service);
  virtual ~OtlpGrpcServer() = default;
  virtual uint16_t port() const = 0;
};

}  // namespace tidemark
