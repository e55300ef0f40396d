// Everything the server keeps in memory of the running services, and what it concludes from it.
// Wiring of ingest, detect and diagnose; belongs to one shard's thread. What must be done outside
// goes through LiveOutput.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "detect/fleet_detector.h"
#include "diagnose/incident_book.h"
#include "diagnose/service_growth.h"
#include "ingest/memory_metrics.h"
#include "ingest/span_index.h"
#include "ingest/span_summary.h"
#include "query/live_view.h"
#include "server/capturer.h"
#include "server/heap_dump_puller.h"
#include "server/known_targets.h"

namespace tidemark {

struct LiveOptions {
  IncidentPolicy incidents;
  int64_t wall_ns = 0;  // the wall clock at the start
  size_t max_targets = 10'000;
  size_t max_services = 2'000;                // service and version pairs with profiles
  int64_t judge_interval_ns = 2'000'000'000;  // event time between two judgements of one service
  double limit_share = 0.9;                   // of the limit, above which a capture is taken
  int64_t capture_interval_ns = 600'000'000'000;  // between captures of one instance near its limit
};

class LiveOutput {
 public:
  virtual ~LiveOutput() = default;
  virtual void StoreSeries(MetricBatch batch) = 0;  // series under our names; best effort
  virtual void SaveIncident(const Incident& incident) = 0;
  virtual bool StartCapture(CaptureOrder order) = 0;
  virtual void StartHeapDump(HeapDumpOrder order) = 0;  // best effort
};

struct LiveStats {
  uint64_t spans = 0, canonical_points = 0, profiles = 0, profiles_refused = 0,
           services_refused = 0;
  uint64_t targets = 0, span_index_entries = 0, span_index_bytes = 0, span_summary_bytes = 0;
  uint64_t incidents_open = 0, incidents_refused = 0;
  FleetCounters metric_detector;
  StackGrowth::Counters profile_detector;  // of all services
};

class LiveState {
 public:
  LiveState(LiveOptions options, LiveOutput* output);

  // What was stored before a restart.
  void Restore(Incident incident) { book_.Restore(std::move(incident)); }

  void OnSpans(const SpanBatch& batch);
  void OnMetrics(const MetricBatch& batch);
  void OnProfile(ProfileBatch batch);
  void OnCaptured(const CaptureOrder& order, const CaptureRef& ref);
  // A dump of an incident's service, analysed; `retention`: who holds the memory, largest first.
  void OnHeapDump(const std::string& incident_id, const HeapDumpRef& dump,
                  std::vector<std::string> retention);
  // About once a second: verdicts, incidents to resolve and to save. `wall_ns` is the wall clock.
  void Tick(int64_t wall_ns);

  std::vector<Incident> Incidents() const { return book_.All(); }
  Result<Incident> FindIncident(const std::string& id);
  std::vector<RouteStats> Routes(const std::string& service) const;
  // Of a service, of all when it is empty; heaviest first.
  std::vector<RouteSurvivors> SurvivorRoutes(const std::string& service) const;
  std::vector<KeyedGrowth> GrowthRows(const std::string& service, const std::string& by) const;
  Result<std::string> RequestCapture(const std::string& service, const std::string& instance);
  LiveStats stats() const;

 private:
  struct Service {
    ServiceGrowth growth;
    int64_t judged_ns = 0, first_seen_ns = 0;
    bool profiles_changed = false;
  };
  Service* ServiceOf(const ServiceKey& key, int64_t time_ns);
  void Publish(std::vector<CanonicalPoint> points);
  void PublishRequestSeries();
  void Detect(const CanonicalPoint& point);
  void NoteLevel(const CanonicalPoint& point);
  void CaptureNearLimit(KnownTarget* target, int64_t time_ns);

  void JudgeProfiles();
  void StoreSurvivors(const Resource& resource, const Service& service, int64_t time_ns);
  void JudgeMetrics();
  void Report(Suspicion suspicion, Service* service, const std::vector<GrowingStack>& growing);
  void FillEvidence(Service* service, const std::vector<GrowingStack>& growing, Incident* incident);
  void AddRates(const Incident& incident, RouteEvidence* route) const;
  void AddRecentTraces(Incident* incident);
  void OrderCaptures(Service* service, const std::vector<GrowingStack>& growing,
                     const Incident& incident);
  void OrderHeapDump(const Incident& incident);
  bool Order(const InstanceProfile& instance, const std::string& role, const std::string& trigger,
             const Incident* incident, std::string* id);
  const InstanceProfile* HealthySibling(const ServiceKey& sick,
                                        const std::vector<GrowingStack>& growing);
  SpanLookup Spans() const;
  RequestsLookup Requests() const;

  const LiveOptions options_;
  LiveOutput* const output_;
  MemoryMetrics memory_metrics_;
  SpanIndex span_index_;
  SpanSummary span_summary_;
  EventClock clock_;
  FleetDetector detector_;
  IncidentBook book_;
  std::map<ServiceKey, Service> services_;
  KnownTargets targets_;
  LiveStats stats_;
  uint64_t captures_ordered_ = 0;
  int64_t wall_ns_ = 0;
};

}  // namespace tidemark
