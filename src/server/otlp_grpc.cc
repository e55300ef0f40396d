#include "server/otlp_grpc.h"

#include <grpc/support/log.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/resource_quota.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <optional>

#include "ingest/otlp_errors.h"

namespace tidemark {
namespace {

constexpr size_t kQuotaBytes = 512 << 20;   // all connections together
constexpr int kMaxConcurrentStreams = 256;  // of one connection
constexpr int kShutdownSeconds = 2;

std::optional<OtlpSignal> SignalOf(const std::string& method) {
  static const std::string kPrefix = "/opentelemetry.proto.collector.";
  if (method == kPrefix + "trace.v1.TraceService/Export") return OtlpSignal::kTraces;
  if (method == kPrefix + "metrics.v1.MetricsService/Export") return OtlpSignal::kMetrics;
  if (method == kPrefix + "logs.v1.LogsService/Export") return OtlpSignal::kLogs;
  if (method == kPrefix + "profiles.v1development.ProfilesService/Export")
    return OtlpSignal::kProfiles;
  return std::nullopt;
}

std::string ToString(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices)
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// "ipv4:127.0.0.1:5555" and "ipv6:[::1]:5555" (percent-encoded brackets in some versions) to the
// bare address.
std::string AddressOf(const std::string& peer) {
  const size_t begin = peer.find(':');
  const size_t end = peer.rfind(':');
  return begin == std::string::npos || end <= begin ? peer
                                                    : peer.substr(begin + 1, end - begin - 1);
}

grpc::Status StatusOf(const Error& error) {
  const WireStatus mapped = WireStatusOf(error);
  return grpc::Status(
      static_cast<grpc::StatusCode>(mapped.grpc_code), error.message,
      EncodeStatus(mapped.grpc_code, error.message, mapped.retry_after_s, OtlpEncoding::kProtobuf));
}

// One call: reads one message, exports it, writes one message. Deletes itself when gRPC is done
// with it.
class ExportCall : public grpc::ServerGenericBidiReactor {
 public:
  ExportCall(OtlpService* service, grpc::GenericCallbackServerContext* context)
      : service_(service), peer_(AddressOf(context->peer())), signal_(SignalOf(context->method())) {
    if (!signal_) {
      Finish({grpc::StatusCode::UNIMPLEMENTED, "no OTLP method '" + context->method() + "'"});
      return;
    }
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (!ok)
      return Finish({grpc::StatusCode::INVALID_ARGUMENT, "the call carried no readable message"});
    std::string body = ToString(request_);
    request_.Clear();
    // The lambda may run after this returns; the reactor lives until Finish.
    service_->Export(*signal_, OtlpEncoding::kProtobuf, false, std::move(body), peer_,
                     [this](const Result<Rejected>& result) { Answer(result); });
  }

  void OnDone() override { delete this; }

 private:
  void Answer(const Result<Rejected>& result) {
    if (!result) return Finish(StatusOf(result.error()));
    const grpc::Slice slice(EncodeExportResponse(*signal_, *result, OtlpEncoding::kProtobuf));
    response_ = grpc::ByteBuffer(&slice, 1);
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
  }

  OtlpService* const service_;
  const std::string peer_;
  const std::optional<OtlpSignal> signal_;
  grpc::ByteBuffer request_, response_;
};

// gRPC would write a line to stderr for every malformed header that a client sends.
void LogOfGrpc(gpr_log_func_args* args) { spdlog::debug("grpc: {}", args->message); }

class GenericService : public grpc::CallbackGenericService {
 public:
  explicit GenericService(OtlpService* service) : service_(service) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new ExportCall(service_, context);
  }

 private:
  OtlpService* const service_;
};

class Server : public OtlpGrpcServer {
 public:
  explicit Server(OtlpService* service)
      : generic_(service), max_body_bytes_(service->limits().max_body_bytes) {}

  ~Server() override {
    if (server_)
      server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(kShutdownSeconds));
  }

  Result<void> Listen(const std::string& address, uint16_t port) {
    const std::string where =
        (address.find(':') != std::string::npos ? "[" + address + "]" : address) + ":";
    grpc::ResourceQuota quota("otlp");
    quota.Resize(kQuotaBytes);
    gpr_set_log_function(&LogOfGrpc);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(where + std::to_string(port), grpc::InsecureServerCredentials(),
                             &port_);
    builder.RegisterCallbackGenericService(&generic_);
    builder.SetMaxReceiveMessageSize(static_cast<int>(max_body_bytes_));
    builder.SetResourceQuota(quota);
    // gRPC inflates without a limit on the result, so it is told not to; OtlpService inflates with
    // one.
    builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    server_ = builder.BuildAndStart();
    if (!server_ || port_ == 0) {
      return IoError("cannot listen on " + where + std::to_string(port) +
                     " for OTLP/gRPC: is another server using the port?");
    }
    return {};
  }

  uint16_t port() const override { return static_cast<uint16_t>(port_); }

 private:
  GenericService generic_;
  const size_t max_body_bytes_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace

Result<std::unique_ptr<OtlpGrpcServer>> OtlpGrpcServer::Start(const std::string& address,
                                                              uint16_t port, OtlpService* service) {
  auto server = std::make_unique<Server>(service);
  TIDEMARK_RETURN_IF_ERROR(server->Listen(address, port));
  return std::unique_ptr<OtlpGrpcServer>(std::move(server));
}

}  // namespace tidemark
