#include "collect/delivery.h"

#include <algorithm>
#include <cstdio>

#include "base/time.h"
#include "codec/otlp.h"
#include "collect/process_gauges.h"

namespace tidemark {
namespace {

constexpr int64_t kFlushNs = 10 * kNsPerSecond;
constexpr size_t kMinQueue = 16;

class Points {
 public:
  explicit Points(const Reading& reading) : reading_(reading), batch_{reading.batch.resource, {}} {}

  void Gauge(const char* metric, double value, const char* unit = "By",
             Attributes attributes = {}) {
    Add(metric, PointKind::kGauge, 0, value, unit, std::move(attributes));
  }
  void Gauge(const char* metric, const std::optional<int64_t>& bytes) {
    if (bytes) Gauge(metric, static_cast<double>(*bytes));
  }
  void Counter(const char* metric, double value, const char* unit = "By",
               Attributes attributes = {}) {
    Add(metric, PointKind::kCounter, reading_.header.start_unix_ns, value, unit,
        std::move(attributes));
  }
  MetricBatch Take() { return std::move(batch_); }

 private:
  void Add(const char* metric, PointKind kind, int64_t start_ns, double value, const char* unit,
           Attributes attributes) {
    batch_.points.push_back({metric, std::move(attributes), unit, kind, start_ns,
                             reading_.batch.profile.time_ns, value});
  }
  const Reading& reading_;
  MetricBatch batch_;
};

void AddGroup(const CgroupMemory& memory, Points* points) {
  points->Gauge("tidemark.memory.limit", memory.limit_bytes);
  points->Gauge("tidemark.cgroup.memory", memory.current_bytes);
  points->Gauge("tidemark.cgroup.memory.high", memory.high_bytes);
  if (const auto kills = memory.events.find("oom_kill"); kills != memory.events.end()) {
    points->Counter("tidemark.cgroup.events", static_cast<double>(kills->second), "{event}",
                    {{"type", "oom_kill"}});
  }
  const auto pressure = [&](const char* kind, const std::optional<MemoryStall>& stall) {
    if (!stall) return;
    points->Gauge("tidemark.memory.pressure", stall->percent / 100, "1", {{"type", kind}});
  };
  pressure("some", memory.some_stall);
  pressure("full", memory.full_stall);
}

}  // namespace

MetricBatch MetricsOf(const Reading& reading, const CgroupMemory* memory) {
  Points points(reading);
  if (!reading.ended) {
    points.Gauge("process.memory.usage", ResidentBytes(reading.pid));
    if (memory != nullptr) AddGroup(*memory, &points);
  }
  points.Gauge("tidemark.heap.live", reading.totals.bytes);
  points.Gauge("tidemark.heap.live.standard_error", reading.totals.sigma_bytes);
  points.Counter("tidemark.heap.allocated", reading.totals.alloc_bytes);
  for (size_t i = 0; i < reading.header.losses.size(); ++i) {
    if (reading.header.losses[i] == 0) continue;
    points.Counter("tidemark.recorder.losses", static_cast<double>(reading.header.losses[i]),
                   "{event}", {{"type", LedgerLossName(static_cast<ledger::Loss>(i))}});
  }
  return points.Take();
}

void AnnotateEnd(MemoryWatch* memory, Reading* reading) {
  if (reading->header.state == ledger::State::kExited) return Annotate("trigger", "exit", reading);
  const auto evidence = memory->OutOfMemory(reading->pid);
  Annotate("trigger", evidence ? "oom" : "killed", reading);
  if (evidence) Annotate("end", *evidence, reading);
}

Delivery::Delivery(std::string server, size_t max_processes) : server_(std::move(server)) {
  if (server_.empty()) return;
  while (server_.ends_with('/')) server_.pop_back();
  ExporterOptions options;
  options.server = server_;
  options.max_queue = std::max(kMinQueue, 2 * (max_processes + 1));
  exporter_ = std::make_unique<Exporter>(options);
}

void Delivery::Push(const std::vector<Reading>& readings, const MemoryWatch* memory,
                    const LastTaken& last_taken) {
  std::vector<MetricBatch> metrics;
  for (const Reading& reading : readings) {
    std::function<void()> sent;
    if (reading.ended && last_taken) sent = [last_taken, file = reading.file] { last_taken(file); };
    if (exporter_) {
      metrics.push_back(
          MetricsOf(reading, memory == nullptr ? nullptr : memory->Last(reading.pid)));
      exporter_->Send("/v1development/profiles", EncodeProfilesRequest({reading.batch}), sent);
    } else if (sent) {
      sent();
    }
  }
  if (exporter_ && !metrics.empty()) {
    exporter_->Send("/v1/metrics", EncodeMetricsRequest(metrics));
  }
}

void Delivery::Finish(const std::string& what) {
  if (!exporter_) return;
  const bool flushed = exporter_->Flush(kFlushNs);
  const ExporterStats stats = exporter_->stats();
  std::fprintf(stderr, "tidemark: %s; %llu requests sent to %s, %llu lost%s%s\n", what.c_str(),
               static_cast<unsigned long long>(stats.sent), server_.c_str(),
               static_cast<unsigned long long>(stats.dropped_full + stats.dropped_failed),
               flushed && stats.last_error.empty() ? "" : ": ", stats.last_error.c_str());
}

}  // namespace tidemark
