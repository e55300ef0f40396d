#include "collect/run_session.h"

#include <signal.h>
#include <string.h>

#include <cstdio>

#include "base/time.h"
#include "codec/otlp.h"
#include "collect/process_gauges.h"
#include "collect/report.h"

namespace tidemark {
namespace {

constexpr int64_t kFlushNs = 10 * kNsPerSecond;

std::string TitleOf(const Reading& reading) {
  const Target& target = reading.batch.resource.target;
  std::string title = target.service;
  if (!target.version.empty()) title += " " + target.version;
  title += ", pid " + std::to_string(reading.pid);
  if (!reading.is_main) {
    title += " (" + AttributeOr(reading.batch.resource.attributes, "process.executable.name") + ")";
  }
  return title;
}

std::string TriggerOf(const ChildEnd& end) {
  if (end.signal == 0) return "exit with status " + std::to_string(end.exit_status);
  const char* name = sigabbrev_np(end.signal);
  return "killed by signal " + std::to_string(end.signal) +
         (name == nullptr ? "" : std::string(" (SIG") + name + ")");
}

}  // namespace

MetricBatch MetricsOf(const Reading& reading) {
  MetricBatch batch{reading.batch.resource, {}};
  const auto add = [&](const char* metric, PointKind kind, double value) {
    const int64_t start_ns = kind == PointKind::kCounter ? reading.header.start_unix_ns : 0;
    batch.points.push_back(
        {metric, {}, "By", kind, start_ns, reading.batch.profile.time_ns, value});
  };
  if (!reading.ended) {
    if (const auto rss = ResidentBytes(reading.pid)) {
      add("process.memory.usage", PointKind::kGauge, static_cast<double>(*rss));
    }
    if (const auto limit = MemoryLimitBytes(reading.pid)) {
      add("tidemark.memory.limit", PointKind::kGauge, static_cast<double>(*limit));
    }
  }
  add("tidemark.heap.live", PointKind::kGauge, reading.totals.bytes);
  add("tidemark.heap.allocated", PointKind::kCounter, reading.totals.alloc_bytes);
  return batch;
}

RunSession::RunSession(const RunOptions& options, LedgerCollector* collector, uint64_t main_pid)
    : options_(options), collector_(collector), main_pid_(main_pid) {
  if (!options.server.empty()) {
    ExporterOptions exporter;
    exporter.server = options.server;
    while (exporter.server.ends_with('/')) exporter.server.pop_back();
    exporter_ = std::make_unique<Exporter>(exporter);
  }
}

std::vector<Reading> RunSession::ReadAll(const std::string& trigger, bool main_ended) {
  auto readings = collector_->ReadAll(trigger, main_ended);
  for (const Reading& reading : readings) {
    if (reading.ended && !reading.is_main) {
      first_.erase(reading.pid);
    } else if (first_.size() < LedgerCollector::kMaxProcesses) {
      first_.try_emplace(reading.pid, reading.batch.profile);
    }
  }
  return readings;
}

void RunSession::Push(const std::vector<Reading>& readings) {
  if (!exporter_ || readings.empty()) return;
  std::vector<MetricBatch> metrics;
  for (const Reading& reading : readings) {
    metrics.push_back(MetricsOf(reading));
    exporter_->Send("/v1development/profiles", EncodeProfilesRequest({reading.batch}));
  }
  exporter_->Send("/v1/metrics", EncodeMetricsRequest(metrics));
}

void RunSession::ExplainSilence(const std::vector<Reading>& readings) {
  for (const Reading& reading : readings) {
    if (!reading.is_main || reading.header.state != ledger::State::kOff || explained_) continue;
    std::fprintf(stderr, "tidemark: pid %llu is not recorded: %s\n",
                 static_cast<unsigned long long>(reading.pid),
                 LedgerOffReasonName(reading.header.off_reason));
    explained_ = true;
  }
}

void RunSession::Tick() {
  const auto readings = ReadAll("interval", false);
  ExplainSilence(readings);
  Push(readings);
}

void RunSession::Print(const std::vector<Reading>& readings) {
  for (const Reading& reading : readings) {
    ReportOptions report;
    report.title = TitleOf(reading);
    report.sigma_bytes = reading.totals.sigma_bytes;
    const auto first = first_.find(reading.pid);
    const Profile* before = first == first_.end() ? nullptr : &first->second;
    if (before != nullptr && before->time_ns >= reading.batch.profile.time_ns) before = nullptr;
    const std::string text =
        FormatReport(reading.batch.profile, before, report, options_.report_format);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  std::fflush(stdout);
}

void RunSession::Report(const std::string& trigger) { Print(ReadAll(trigger, false)); }

void RunSession::Finish(const ChildEnd& end) {
  const std::string trigger = TriggerOf(end);
  const auto readings = ReadAll(trigger, true);
  ExplainSilence(readings);
  if (readings.empty() && !explained_) {
    std::fprintf(stderr,
                 "tidemark: pid %llu left no profile: it allocated less than the sampling interval "
                 "(--sample-bytes %llu), or it is statically linked and cannot be preloaded\n",
                 static_cast<unsigned long long>(main_pid_),
                 static_cast<unsigned long long>(options_.sample_bytes));
  }
  if (!exporter_) {
    if (options_.report_at_exit) Print(readings);
    return;
  }
  Push(readings);
  const bool flushed = exporter_->Flush(kFlushNs);
  const ExporterStats stats = exporter_->stats();
  std::fprintf(stderr, "tidemark: %s; %llu requests sent to %s, %llu lost%s%s\n", trigger.c_str(),
               static_cast<unsigned long long>(stats.sent), options_.server.c_str(),
               static_cast<unsigned long long>(stats.dropped_full + stats.dropped_failed),
               flushed && stats.last_error.empty() ? "" : ": ", stats.last_error.c_str());
}

}  // namespace tidemark
