#include "server/server.h"

#include <malloc.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <filesystem>

#include "base/time.h"
#include "codec/incident_json.h"
#include "query/api.h"
#include "scrape/scraper.h"
#include "server/heap_dump_api.h"
#include "server/heap_dump_puller.h"
#include "server/heap_dumps.h"
#include "server/live_state.h"
#include "server/otlp_grpc.h"
#include "server/otlp_http.h"
#include "server/page.h"
#include "server/self_metrics.h"
#include "server/shard.h"

namespace tidemark {
namespace {

constexpr auto kTick = std::chrono::milliseconds(500);
constexpr int kApiThreads = 4;

// glibc's allocator by default keeps what a burst of large bodies left behind: each freed mapping
// of up to 32 MiB raises the size from which blocks are mapped by themselves, and every thread has
// an arena of its own. Measured with 18,000 hostile bodies: 266 MiB resident at the end by default,
// 139 MiB so.
constexpr int kMappedFromBytes = 256 << 10;
constexpr int kArenas = 4;

// Rough memory of decoded batches, for the shard's queue.
size_t BytesOf(const SpanBatch& batch) { return 512 + batch.spans.size() * (sizeof(Span) + 32); }
size_t BytesOf(const MetricBatch& batch) {
  return 512 + batch.points.size() * (sizeof(Point) + 64);
}
size_t BytesOf(const ProfileBatch& batch) {
  const Profile& profile = batch.profile;
  return 512 + profile.samples.size() * (sizeof(Sample) + 160) +
         profile.locations.size() * (sizeof(Location) + 32) +
         profile.functions.size() * (sizeof(Function) + 128);
}
template <typename Batch>
size_t BytesOf(const std::vector<Batch>& batches) {
  size_t bytes = 0;
  for (const Batch& batch : batches) bytes += BytesOf(batch);
  return bytes;
}

Error QueueFull() { return Overloaded("the server's queue is full; send again in a second"); }

class ServerImpl : public Server,
                   public LiveInput,
                   public LiveOutput,
                   public LiveView,
                   public ScrapeSink {
 public:
  explicit ServerImpl(const ServerConfig& config) : config_(config) {}

  ~ServerImpl() override {
    // From the outside in: no new work, then what is queued, then the store.
    scraper_.reset();
    grpc_.reset();
    otlp_http_.reset();
    api_http_.reset();
    heap_dump_puller_.reset();
    heap_dumps_.reset();
    capturer_.reset();
    shard_.reset();
    store_.reset();
  }

  Result<void> Open() {
    TIDEMARK_RETURN_IF_ERROR(OpenStore());
    live_ = std::make_unique<LiveState>(
        LiveOptions{.incidents = {.price_per_gib_month_usd = config_.price_per_gib_month_usd},
                    .wall_ns = WallClockNs()},
        this);
    TIDEMARK_RETURN_IF_ERROR(RestoreIncidents());
    capturer_ = std::make_unique<Capturer>(
        CapturerOptions{.directory = config_.data_dir + "/captures"}, store_.get(),
        [this](const CaptureOrder& order, const CaptureRef& ref) {
          shard_->Post(0, [this, order, ref] { live_->OnCaptured(order, ref); });
        });
    shard_ = std::make_unique<Shard>(config_.max_queue_bytes, kTick,
                                     [this] { live_->Tick(WallClockNs()); });
    heap_dumps_ = std::make_unique<HeapDumps>(
        HeapDumpsOptions{.directory = config_.data_dir + "/heap-dumps",
                         .max_upload_bytes = config_.heap_dump_max_bytes,
                         .memory_bytes = config_.heap_dump_memory_bytes},
        [this](const HeapDumpInfo& info) { OnHeapDump(info); });
    heap_dump_puller_ =
        std::make_unique<HeapDumpPuller>(HeapDumpPullerOptions{}, heap_dumps_.get());
    otlp_ = std::make_unique<OtlpService>(OtlpLimits{config_.max_body_bytes}, store_.get(), this);
    TIDEMARK_RETURN_IF_ERROR(Listen());
    return StartScraper();
  }

  uint16_t grpc_port() const override { return grpc_->port(); }
  uint16_t http_port() const override { return otlp_http_->port(); }
  uint16_t api_port() const override { return api_http_->port(); }

  // ---------------------------------------------------------------- LiveInput
  void OnSpans(std::vector<SpanBatch> batches, std::function<void(Result<void>)> done) override {
    const size_t bytes = BytesOf(batches);
    const bool queued = shard_->Post(bytes, [this, batches = std::move(batches), done] {
      for (const SpanBatch& batch : batches) live_->OnSpans(batch);
      done({});
    });
    if (!queued) done(QueueFull());
  }
  Result<void> OnMetrics(std::vector<MetricBatch> batches) override {
    const size_t bytes = BytesOf(batches);
    const bool queued = shard_->Post(bytes, [this, batches = std::move(batches)] {
      for (const MetricBatch& batch : batches) live_->OnMetrics(batch);
    });
    return queued ? Result<void>() : QueueFull();
  }
  Result<void> OnProfiles(std::vector<ProfileBatch> batches) override {
    const size_t bytes = BytesOf(batches);
    const bool queued = shard_->Post(bytes, [this, batches = std::move(batches)]() mutable {
      for (ProfileBatch& batch : batches) live_->OnProfile(std::move(batch));
    });
    return queued ? Result<void>() : QueueFull();
  }

  // ---------------------------------------------------------------- ScrapeSink
  void OnMetrics(MetricBatch batch) override {
    std::vector<MetricBatch> batches;
    batches.push_back(std::move(batch));
    if (!OnMetrics(batches)) return;
    store_->Append({.metrics = std::move(batches)}, LogFailure("scraped metrics"));
  }
  void OnProfile(ProfileBatch batch) override {
    std::vector<ProfileBatch> batches;
    batches.push_back(std::move(batch));
    if (!OnProfiles(batches)) return;
    store_->Append({.profiles = std::move(batches)}, LogFailure("a scraped profile"));
  }

  // ---------------------------------------------------------------- LiveOutput
  void StoreSeries(MetricBatch batch) override {
    std::vector<MetricBatch> batches;
    batches.push_back(std::move(batch));
    store_->Append({.metrics = std::move(batches)}, LogFailure("derived series"));
  }
  void SaveIncident(const Incident& incident) override {
    const auto saved = store_->PutDocument({.kind = "incident",
                                            .id = incident.id,
                                            .payload = IncidentToJson(incident),
                                            .updated_ns = WallClockNs()});
    if (!saved) spdlog::error("incident {} is not saved: {}", incident.id, saved.error().message);
  }
  bool StartCapture(CaptureOrder order) override { return capturer_->Enqueue(std::move(order)); }
  void StartHeapDump(HeapDumpOrder order) override { heap_dump_puller_->Enqueue(std::move(order)); }

  // ---------------------------------------------------------------- LiveView
  Result<std::vector<Incident>> Incidents() override {
    return Ask([this] { return Result(live_->Incidents()); });
  }
  Result<Incident> FindIncident(const std::string& id) override {
    return Ask([this, id] { return live_->FindIncident(id); });
  }
  Result<std::vector<RouteStats>> Routes(const std::string& service) override {
    return Ask([this, service] { return Result(live_->Routes(service)); });
  }
  Result<std::vector<RouteSurvivors>> Survivors(const std::string& service) override {
    return Ask([this, service] { return Result(live_->SurvivorRoutes(service)); });
  }
  Result<std::vector<KeyedGrowth>> GrowthRows(const std::string& service,
                                              const std::string& by) override {
    return Ask([this, service, by] { return Result(live_->GrowthRows(service, by)); });
  }
  Result<std::string> RequestCapture(const std::string& service,
                                     const std::string& instance) override {
    return Ask([this, service, instance] { return live_->RequestCapture(service, instance); });
  }
  Result<std::string> ReadCapture(const std::string& id) override { return capturer_->Read(id); }
  bool Ready() override {
    return shard_->Ask([] { return true; }).has_value();
  }
  Result<std::string> Metrics() override {
    TIDEMARK_ASSIGN_OR_RETURN(const LiveStats live, Ask([this] { return Result(live_->stats()); }));
    return SelfMetricsText({&otlp_->stats(), shard_.get(), capturer_.get(), heap_dumps_->stats(),
                            heap_dump_puller_->stats(), store_->stats(), live,
                            scraper_ ? scraper_->stats() : ScraperStats(), otlp_http_->stats(),
                            api_http_->stats()});
  }

 private:
  // What the shard answers to a question that returns a Result.
  template <typename F>
  auto Ask(F question) -> decltype(question()) {
    auto answer = shard_->Ask(std::move(question));
    if (!answer) return Overloaded("the server is busy; ask again in a second");
    return *std::move(answer);
  }

  static std::function<void(Result<void>)> LogFailure(const char* what) {
    return [what](const Result<void>& kept) {
      if (!kept) spdlog::warn("{} not kept: {}", what, kept.error().message);
    };
  }

  Result<void> OpenStore() {
    std::error_code status;
    std::filesystem::create_directories(config_.data_dir, status);
    if (status)
      return IoError("cannot create the data directory '" + config_.data_dir +
                     "': " + status.message());
    TIDEMARK_ASSIGN_OR_RETURN(store_, Store::Open({.directory = config_.data_dir,
                                                   .memory_limit_bytes = config_.store_memory_bytes,
                                                   .retention_ns = config_.retention_ns,
                                                   .max_disk_bytes = config_.max_disk_bytes}));
    return {};
  }

  Result<void> RestoreIncidents() {
    TIDEMARK_ASSIGN_OR_RETURN(const auto documents, store_->ReadDocuments("incident"));
    for (const Document& document : documents) {
      auto incident = IncidentFromJson(document.payload);
      if (incident) {
        live_->Restore(std::move(*incident));
      } else {
        spdlog::error("incident {} cannot be read back: {}", document.id, incident.error().message);
      }
    }
    return {};
  }

  Result<void> Listen() {
    TIDEMARK_ASSIGN_OR_RETURN(
        grpc_, OtlpGrpcServer::Start(config_.listen, config_.grpc_port, otlp_.get()));
    HttpServerOptions otlp{.address = config_.listen,
                           .port = config_.http_port,
                           .max_body_bytes = config_.max_body_bytes,
                           .refuse = OtlpHttpRefusal};
    TIDEMARK_ASSIGN_OR_RETURN(otlp_http_,
                              HttpServer::Start(otlp, MakeOtlpHttpHandler(otlp_.get())));
    HttpServerOptions api{.address = config_.listen,
                          .port = config_.api_port,
                          .threads = kApiThreads,
                          .max_body_bytes = 1 << 20};
    api.body_sink = MakeHeapDumpSink(heap_dumps_.get(), [this](const std::string& id) {
      const auto incident = FindIncident(id);
      return incident ? Result<void>() : Result<void>(incident.error());
    });
    TIDEMARK_ASSIGN_OR_RETURN(
        api_http_, HttpServer::Start(api, MakeHeapDumpHandler(heap_dumps_.get(),
                                                              MakeApiHandler(store_.get(), this,
                                                                             MakePageHandler()))));
    return {};
  }

  // On the thread that analyses.
  void OnHeapDump(const HeapDumpInfo& info) {
    if (info.incident_id.empty()) return;
    const HeapDumpRef ref{.id = info.id,
                          .name = info.name,
                          .version = info.version,
                          .headline = info.headline,
                          .time_ns = info.received_ns,
                          .partial = !info.damage.empty()};
    shard_->Post(0, [this, ref, incident = info.incident_id, holders = info.holders] {
      live_->OnHeapDump(incident, ref, holders);
    });
  }

  Result<void> StartScraper() {
    if (config_.scrape_text.empty()) return {};
    TIDEMARK_ASSIGN_OR_RETURN(ScrapeConfig scrape,
                              ParseScrapeConfig(config_.scrape_text, config_.scrape_file));
    scraper_ = Scraper::Start(std::move(scrape), {}, this);
    return {};
  }

  const ServerConfig config_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<LiveState> live_;  // touched by the shard's thread only, once that runs
  std::unique_ptr<Capturer> capturer_;
  std::unique_ptr<HeapDumps> heap_dumps_;
  std::unique_ptr<HeapDumpPuller> heap_dump_puller_;
  std::unique_ptr<Shard> shard_;
  std::unique_ptr<OtlpService> otlp_;
  std::unique_ptr<OtlpGrpcServer> grpc_;
  std::unique_ptr<HttpServer> otlp_http_, api_http_;
  std::unique_ptr<Scraper> scraper_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(const ServerConfig& config) {
  auto server = std::make_unique<ServerImpl>(config);
  TIDEMARK_RETURN_IF_ERROR(server->Open());
  return std::unique_ptr<Server>(std::move(server));
}

int RunServer(const ServerConfig& config) {
  mallopt(M_MMAP_THRESHOLD, kMappedFromBytes);
  mallopt(M_ARENA_MAX, kArenas);
  // Blocked before any thread starts, so that only sigwait below sees them.
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  signal(SIGPIPE, SIG_IGN);

  auto server = Server::Start(config);
  if (!server) {
    spdlog::error("{}", server.error().message);
    return 2;
  }
  spdlog::info("OTLP/gRPC on {}:{}, OTLP/HTTP on {}:{}, page and API on http://{}:{}/, data in {}",
               config.listen, (*server)->grpc_port(), config.listen, (*server)->http_port(),
               config.listen, (*server)->api_port(), config.data_dir);
  int signal_number = 0;
  sigwait(&stop, &signal_number);
  spdlog::info("stopping");
  return 0;
}

}  // namespace tidemark
