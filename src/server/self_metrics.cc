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
  const HttpServerStats& http = state.otlp_http;
  const HttpServerStats& api = state.api_http;
  text->Counter("tidemark_http_too_large_total", "Requests refused by their size.",
                http.too_large + api.too_large);
  text->Counter("tidemark_http_shed_total",
                "Requests refused because too many bytes were in progress; retryable.",
                http.shed + api.shed);
  text->Counter("tidemark_http_timed_out_total", "Requests that stopped half-way.",
                http.timed_out + api.timed_out);
  text->Gauge("tidemark_http_inflight_bytes", "Bodies read and not yet answered.",
              http.inflight_bytes + api.inflight_bytes);
  text->Gauge("tidemark_http_connections", "Connections open.",
              http.open_connections + api.open_connections);
  text->Counter("tidemark_http_refused_connections_total", "Connections beyond the limit.",
                http.refused_connections + api.refused_connections);
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

void AddHeapDumps(const HeapDumpsStats& dumps, const HeapDumpPullerStats& pulled, Text* text) {
  text->Counter("tidemark_heap_dumps_pulled_total", "Heap dumps fetched for incidents.",
                pulled.pulled);
  text->Counter("tidemark_heap_dumps_pull_failed_total", "Heap dumps that could not be fetched.",
                pulled.failed);
  text->Counter("tidemark_heap_dumps_pull_refused_total",
                "Heap dumps not fetched because too many incidents wait for theirs.",
                pulled.refused);
  text->Counter("tidemark_heap_dumps_received_total", "Heap dumps received whole.", dumps.received);
  text->Counter("tidemark_heap_dumps_received_bytes_total", "Bytes of those.",
                dumps.received_bytes);
  text->Counter("tidemark_heap_dumps_refused_total",
                "Heap dumps refused because too many wait; retryable.", dumps.refused);
  text->Counter("tidemark_heap_dumps_broken_off_total", "Heap dumps that did not arrive whole.",
                dumps.broken_off);
  text->Counter("tidemark_heap_dumps_analysed_total", "Heap dumps with a report.", dumps.analysed);
  text->Counter("tidemark_heap_dumps_failed_total", "Heap dumps that could not be analysed.",
                dumps.failed);
  text->Counter("tidemark_heap_dumps_forgotten_total", "Reports removed to keep the limits.",
                dumps.forgotten);
  text->Gauge("tidemark_heap_dumps_waiting", "Heap dumps arriving, waiting or being analysed.",
              dumps.waiting);
  text->Gauge("tidemark_heap_dumps_kept", "Heap dumps known.", dumps.kept);
  text->Gauge("tidemark_heap_dumps_kept_bytes", "Size of their reports.", dumps.kept_bytes);
}

void AddDetectors(const LiveStats& live, Text* text) {
  const FleetCounters& metrics = live.metric_detector;
  text->Counter("tidemark_detector_points_total", "Points that the metric level took.",
                metrics.points);
  text->Counter("tidemark_detector_points_invalid_total", "Points with absurd times or values.",
                metrics.points_invalid);
  text->Counter("tidemark_detector_points_late_total", "Points whose block is gone.",
                metrics.points_late);
  text->Counter("tidemark_detector_points_ahead_total", "Points far ahead of their service.",
                metrics.points_ahead);
  text->Counter("tidemark_detector_points_refused_total", "Points of series beyond the limits.",
                metrics.points_refused);
  text->Counter("tidemark_detector_clock_resets_total",
                "Services whose clock was wrong, so that their state was dropped.",
                metrics.clock_resets);
  const StackGrowth::Counters& profiles = live.profile_detector;
  text->Counter("tidemark_detector_profiles_total", "Profiles that the profile level took.",
                profiles.profiles);
  text->Counter("tidemark_detector_profiles_late_total", "Profiles not newer than the last.",
                profiles.profiles_late);
  text->Counter("tidemark_detector_profiles_repeated_total", "Profiles equal to the last.",
                profiles.profiles_repeated);
  text->Counter("tidemark_detector_profiles_thinned_total", "Older profiles given up for room.",
                profiles.profiles_thinned);
  text->Counter("tidemark_detector_stacks_truncated_total", "Stacks left out: too many in one.",
                profiles.stacks_truncated);
  text->Counter("tidemark_detector_instances_evicted_total", "Instances given up for room.",
                profiles.instances_evicted + metrics.instances_evicted);
  text->Counter("tidemark_detector_restarts_total", "Restarts seen in profiles.",
                profiles.restarts);
}

void AddScraper(const ScraperStats& scraper, Text* text) {
  text->Gauge("tidemark_scrape_targets", "Targets scraped.", scraper.targets);
  text->Gauge("tidemark_scrape_targets_dropped", "Targets that relabelling drops.",
              scraper.dropped_targets);
  text->Gauge("tidemark_scrape_targets_over_limit", "Targets beyond the limit.",
              scraper.targets_over_limit);
  text->Counter("tidemark_scrape_pulls_total", "Pulls, of metrics and of profiles.", scraper.pulls);
  text->Counter("tidemark_scrape_failed_total", "Pulls that failed.", scraper.failed_pulls);
  text->Counter("tidemark_scrape_late_total", "Pulls over an interval late.", scraper.late_pulls);
  text->Counter("tidemark_scrape_samples_total", "Samples read.", scraper.samples);
  text->Counter("tidemark_scrape_profiles_total", "Profiles read.", scraper.profiles);
  text->Gauge("tidemark_scrape_discovery_errors", "Errors of the last discovery.",
              scraper.discovery_errors.size());
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
  text->Counter("tidemark_store_late_profiles_total", "The same of profiles.", store.late_profiles);
  text->Counter("tidemark_store_unusable_profiles_total", "Profiles without a heap value; dropped.",
                store.unusable_profiles);
  text->Counter("tidemark_store_failed_commits_total", "Commits that failed; retryable.",
                store.failed_commits);
  text->Counter("tidemark_store_dropped_partitions_total", "Dropped by retention or the disk cap.",
                store.dropped_partitions);
  text->Counter("tidemark_store_failed_housekeeping_total", "Looks at retention that failed.",
                store.failed_housekeeping);
  text->Counter("tidemark_store_forgotten_targets_total", "Targets beyond the table's limit.",
                store.forgotten_targets);
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
  AddScraper(state.scraper, &text);
  AddState(state, &text);
  AddHeapDumps(state.heap_dumps, state.pulled_heap_dumps, &text);
  AddDetectors(state.live, &text);
  AddStore(state.store, &text);
  return text.Take();
}

}  // namespace tidemark
