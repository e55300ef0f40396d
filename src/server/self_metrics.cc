#include "server/self_metrics.h"

#include <unistd.h>

#include <charconv>
#include <fstream>

namespace tidemark {
namespace {

class Text {
 public:
  void Counter(const char* name, const char* help, uint64_t value) {
    Add(name, help, "counter", value);
  }
  void Gauge(const char* name, const char* help, uint64_t value) {
    Add(name, help, "gauge", value);
  }
  std::string Take() { return std::move(text_); }

 private:
  void Add(const char* name, const char* help, const char* type, uint64_t value) {
    text_ += std::string("# HELP ") + name + " " + help + "\n# TYPE " + name + " " + type + "\n" +
             name + " " + std::to_string(value) + "\n";
  }
  std::string text_;
};

uint64_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  uint64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

void AddIngest(const SelfState& state, Text* text) {
  const OtlpStats& otlp = *state.otlp;
  text->Counter("tidemark_otlp_requests_total", "OTLP export calls.", otlp.requests);
  text->Counter("tidemark_otlp_malformed_total", "Export calls refused as malformed.",
                otlp.malformed);
  text->Counter("tidemark_otlp_too_large_total", "Export calls refused as too large.",
                otlp.too_large);
  text->Counter("tidemark_otlp_overloaded_total",
                "Export calls refused because a queue was full; retryable.", otlp.refused);
  text->Counter("tidemark_otlp_rejected_items_total", "Items refused inside accepted calls.",
                otlp.rejected_items);
  text->Counter("tidemark_spans_received_total", "Spans decoded.", otlp.spans);
  text->Counter("tidemark_points_received_total", "Metric points decoded.", otlp.points);
  text->Counter("tidemark_profiles_received_total", "Profiles decoded from OTLP.", otlp.profiles);
  text->Counter("tidemark_http_malformed_total", "Requests that were no HTTP.",
                state.otlp_http.malformed + state.api_http.malformed);
  text->Counter("tidemark_http_refused_connections_total", "Connections beyond the limit.",
                state.otlp_http.refused_connections + state.api_http.refused_connections);
  text->Gauge("tidemark_queue_bytes", "Decoded and not yet summarised.",
              state.shard->queued_bytes());
  text->Counter("tidemark_queue_refused_total", "Batches refused by the full queue.",
                state.shard->refused());
}

void AddState(const SelfState& state, Text* text) {
  const LiveStats& live = state.live;
  text->Gauge("tidemark_targets", "Processes known.", live.targets);
  text->Gauge("tidemark_span_index_entries", "Spans in the index.", live.span_index_entries);
  text->Gauge("tidemark_span_index_bytes", "Memory of the span index.", live.span_index_bytes);
  text->Gauge("tidemark_span_summary_bytes", "Memory of route counts and latency sketches.",
              live.span_summary_bytes);
  text->Counter("tidemark_spans_summarised_total", "Spans counted.", live.spans);
  text->Counter("tidemark_profiles_judged_total", "Profiles that the growth detector took.",
                live.profiles);
  text->Counter("tidemark_profiles_refused_total", "Profiles that were no heap profiles.",
                live.profiles_refused);
  text->Counter("tidemark_services_refused_total", "Services beyond the limit.",
                live.services_refused);
  text->Gauge("tidemark_incidents_open", "Open incidents.", live.incidents_open);
  text->Counter("tidemark_incidents_refused_total", "Incidents beyond the limit.",
                live.incidents_refused);
  text->Counter("tidemark_captures_total", "Captures taken.", state.capturer->taken());
  text->Counter("tidemark_captures_failed_total", "Captures that failed.",
                state.capturer->failed());
  text->Counter("tidemark_captures_refused_total", "Captures refused by the full queue.",
                state.capturer->refused());
}

void AddStore(const StoreStats& store, Text* text) {
  text->Counter("tidemark_store_points_total", "Points on disk.", store.committed_points);
  text->Counter("tidemark_store_profiles_total", "Profiles on disk.", store.committed_profiles);
  text->Counter("tidemark_store_samples_total", "Samples on disk.", store.committed_samples);
  text->Counter("tidemark_store_commits_total", "Group commits.", store.commits);
  text->Counter("tidemark_store_refused_total",
                "Units refused because too much was pending; retryable.", store.refused_units);
  text->Counter("tidemark_store_late_points_total",
                "Points older than every open partition; dropped.", store.late_points);
  text->Gauge("tidemark_store_quarantined_files", "Damaged partitions set aside.",
              store.quarantined_files);
  text->Gauge("tidemark_store_pending_bytes", "Waiting for the next commit.", store.pending_bytes);
  text->Gauge("tidemark_store_disk_bytes", "Size of the data directory.", store.disk_bytes);
  text->Gauge("tidemark_store_partitions", "Partition files.", store.partitions);
}

}  // namespace

std::string SelfMetricsText(const SelfState& state) {
  Text text;
  text.Gauge("process_resident_memory_bytes", "Resident memory of the server.", ResidentBytes());
  AddIngest(state, &text);
  AddState(state, &text);
  AddStore(state.store, &text);
  return text.Take();
}

}  // namespace tidemark
