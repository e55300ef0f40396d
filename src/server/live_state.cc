#include "server/live_state.h"

#include <algorithm>

#include "base/hash.h"

namespace tidemark {
namespace {

constexpr size_t kTracesPerRoute = 10;
constexpr size_t kMaxHeapDumps = 20;  // of an incident, in its evidence
constexpr size_t kStoredRoutes = 10;  // of an instance, as tidemark.survivor.bytes
// Requests by route are told apart this finely; growth is set against them from profile to profile.
constexpr int64_t kRequestStepNs = 5 * kNsPerSecond;
// FleetDetector knows services by one name; the unit separator cannot occur in a name that people
// type.
constexpr char kNamespaceSeparator = '\x1f';

std::string DetectorName(const Target& target) {
  return target.service_namespace.empty()
             ? target.service
             : target.service_namespace + kNamespaceSeparator + target.service;
}

void SplitDetectorName(const std::string& name, std::string* service_namespace,
                       std::string* service) {
  const size_t separator = name.find(kNamespaceSeparator);
  *service_namespace = separator == std::string::npos ? "" : name.substr(0, separator);
  *service = separator == std::string::npos ? name : name.substr(separator + 1);
}

MetricKind KindOf(SeriesRole role) {
  switch (role) {
    case SeriesRole::kHeap:
      return MetricKind::kHeap;
    case SeriesRole::kRss:
      return MetricKind::kRss;
    case SeriesRole::kLimit:
      return MetricKind::kLimit;
    case SeriesRole::kActiveSpans:
      return MetricKind::kActiveSpans;
    case SeriesRole::kReqRate:
      return MetricKind::kReqRate;
  }
  return MetricKind::kHeap;
}

const char* UnitOf(SeriesRole role) {
  switch (role) {
    case SeriesRole::kActiveSpans:
      return "{span}";
    case SeriesRole::kReqRate:
      return "{request}/s";
    default:
      return "By";
  }
}

}  // namespace

LiveState::LiveState(LiveOptions options, LiveOutput* output)
    : options_(options),
      output_(output),
      span_summary_({.step_ns = kRequestStepNs}),
      book_(options.incidents),
      targets_(options.max_targets),
      wall_ns_(options.wall_ns) {}

SpanLookup LiveState::Spans() const {
  return [this](SpanId id) -> std::optional<SpanFacts> {
    const auto found = span_index_.Find(id);
    if (!found) return std::nullopt;
    return SpanFacts{found->trace_id, std::string(found->route), found->start_ns, found->end_ns};
  };
}

RequestsLookup LiveState::Requests() const {
  return [this](const Target& target, int64_t time_ns) {
    std::map<std::string, double> counts;
    for (const RouteRequests& each : span_summary_.RequestsAt(IdOf(target), time_ns)) {
      counts[std::string(each.route)] += each.requests;
    }
    return counts;
  };
}

void LiveState::OnSpans(const SpanBatch& batch) {
  const TargetId target = IdOf(batch.resource.target);
  int64_t newest_ns = 0;
  for (const Span& span : batch.spans) {
    clock_.Observe(span.end_ns, wall_ns_);
    newest_ns = std::max(newest_ns, span.end_ns);
    if (span_index_.Add(target, span)) span_summary_.Add(batch.resource.target, span);
  }
  stats_.spans += batch.spans.size();
  targets_.Know(batch.resource, newest_ns);
}

void LiveState::OnMetrics(const MetricBatch& batch) {
  int64_t newest_ns = 0;
  for (const Point& point : batch.points) newest_ns = std::max(newest_ns, point.time_ns);
  clock_.Observe(newest_ns, wall_ns_);
  targets_.Know(batch.resource, newest_ns);
  Publish(memory_metrics_.Feed(batch));
}

void LiveState::Publish(std::vector<CanonicalPoint> points) {
  std::map<Target, MetricBatch> batches;
  for (const CanonicalPoint& point : points) {
    ++stats_.canonical_points;
    Detect(point);
    NoteLevel(point);
    MetricBatch& batch = batches[point.target];
    batch.resource.target = point.target;
    batch.points.push_back({.metric = std::string(SeriesRoleName(point.role)),
                            .unit = UnitOf(point.role),
                            .time_ns = point.time_ns,
                            .value = point.value});
  }
  for (auto& [target, batch] : batches) {
    if (const KnownTarget* known = targets_.Find(target)) batch.resource = known->resource;
    output_->StoreSeries(std::move(batch));
  }
}

void LiveState::Detect(const CanonicalPoint& point) {
  const std::string name = DetectorName(point.target);
  detector_.Add({.time_s = static_cast<double>(point.time_ns) / 1e9,
                 .service = name,
                 .version = point.target.version,
                 .instance = point.target.instance,
                 .metric = KindOf(point.role),
                 .value = point.value});
}

void LiveState::NoteLevel(const CanonicalPoint& point) {
  KnownTarget* target = targets_.Find(point.target);
  if (target == nullptr) return;
  if (point.role == SeriesRole::kLimit) target->limit_bytes = point.value;
  if (point.role == SeriesRole::kHeap) target->heap_bytes = point.value;
  if (point.role == SeriesRole::kRss) {
    target->rss_bytes = point.value;
    CaptureNearLimit(target, point.time_ns);
  }
}

void LiveState::CaptureNearLimit(KnownTarget* target, int64_t time_ns) {
  if (target->limit_bytes <= 0 || target->rss_bytes < options_.limit_share * target->limit_bytes)
    return;
  if (target->limit_capture_ns != 0 &&
      time_ns - target->limit_capture_ns < options_.capture_interval_ns)
    return;
  target->limit_capture_ns = time_ns;
  const Target& who = target->resource.target;
  const auto service = services_.find(KeyOf(who));
  const InstanceProfile* latest =
      service == services_.end() ? nullptr : service->second.growth.Find(who.instance);
  std::string id;
  Order(latest != nullptr ? *latest : InstanceProfile{target->resource, {}, 0}, "worst", "limit",
        book_.FindOpen(who.service, who.service_namespace, who.version), &id);
}

LiveState::Service* LiveState::ServiceOf(const ServiceKey& key, int64_t time_ns) {
  const auto it = services_.find(key);
  if (it != services_.end()) return &it->second;
  if (services_.size() >= options_.max_services) {
    ++stats_.services_refused;
    return nullptr;
  }
  Service& service = services_[key];
  service.first_seen_ns = time_ns;
  return &service;
}

void LiveState::OnProfile(ProfileBatch batch) {
  const int64_t time_ns = batch.profile.time_ns;
  clock_.Observe(time_ns, wall_ns_);
  Resource resource = targets_.Know(batch.resource, time_ns)->resource;
  Service* service = ServiceOf(KeyOf(resource.target), time_ns);
  if (service == nullptr) return;
  const auto added = service->growth.Add(resource, std::move(batch.profile), Spans(), Requests());
  ++(added ? stats_.profiles : stats_.profiles_refused);
  if (added) StoreSurvivors(resource, *service, time_ns);
  service->profiles_changed = true;
}

void LiveState::StoreSurvivors(const Resource& resource, const Service& service, int64_t time_ns) {
  MetricBatch batch{resource, {}};
  for (const RouteSurvivors& route :
       service.growth.survivors().RoutesOf(resource.target.instance, kStoredRoutes)) {
    batch.points.push_back({.metric = "tidemark.survivor.bytes",
                            .attributes = {{"http.route", route.route}},
                            .unit = "By",
                            .time_ns = time_ns,
                            .value = static_cast<double>(route.bytes)});
  }
  if (!batch.points.empty()) output_->StoreSeries(std::move(batch));
}

void LiveState::Tick(int64_t wall_ns) {
  wall_ns_ = wall_ns;
  span_index_.Advance(clock_.now_ns());
  PublishRequestSeries();
  JudgeProfiles();
  JudgeMetrics();
  book_.ResolveQuiet(clock_.now_ns());
  for (const Incident& incident : book_.TakeChanged()) output_->SaveIncident(incident);
}

// What the spans say of rates and activity, unless the target reports the same itself: two sources
// are not mixed.
void LiveState::PublishRequestSeries() {
  std::vector<CanonicalPoint> points = span_summary_.Advance(clock_.now_ns());
  std::erase_if(points, [this](const CanonicalPoint& point) {
    return memory_metrics_.Reports(IdOf(point.target), point.role);
  });
  Publish(std::move(points));
}

void LiveState::JudgeProfiles() {
  for (auto& [key, service] : services_) {
    const int64_t newest_ns = service.growth.newest_ns();
    if (!service.profiles_changed || newest_ns - service.judged_ns < options_.judge_interval_ns)
      continue;
    service.profiles_changed = false;
    service.judged_ns = newest_ns;
    std::vector<GrowingStack> growing = service.growth.Judge();
    if (growing.empty()) growing = service.growth.survivors().Judge();
    if (growing.empty()) continue;
    Suspicion suspicion = service.growth.SuspicionOf(growing);
    std::tie(suspicion.service, suspicion.service_namespace, suspicion.version) = key;
    Report(std::move(suspicion), &service, growing);
  }
}

void LiveState::JudgeMetrics() {
  for (const Verdict& verdict : detector_.TakeVerdicts()) {
    if (verdict.closed_at_s != 0) continue;  // the book resolves what is no longer reported
    Suspicion suspicion{.version = verdict.version,
                        .kind = verdict.kind,
                        .instances = verdict.instances,
                        .growth_bytes_per_hour = verdict.bytes_per_hour,
                        .onset_ns = static_cast<int64_t>(verdict.onset_s * 1e9),
                        .time_ns = clock_.now_ns(),
                        .oom_eta_ns = static_cast<int64_t>(verdict.oom_eta_s * 1e9),
                        .confidence = verdict.confidence};
    SplitDetectorName(verdict.service, &suspicion.service_namespace, &suspicion.service);
    const auto service =
        services_.find({suspicion.service, suspicion.service_namespace, suspicion.version});
    const bool profiled = service != services_.end();
    Report(suspicion, profiled ? &service->second : nullptr,
           profiled ? service->second.growth.TopGrowth(suspicion.onset_ns, 10)
                    : std::vector<GrowingStack>());
  }
}

void LiveState::Report(Suspicion suspicion, Service* service,
                       const std::vector<GrowingStack>& growing) {
  const ServiceKey key{suspicion.service, suspicion.service_namespace, suspicion.version};
  if (suspicion.oom_eta_ns == 0) {
    suspicion.oom_eta_ns = targets_.LimitReachedNs(
        key, suspicion.instances, suspicion.growth_bytes_per_hour.value, suspicion.time_ns);
  }
  bool opened = false;
  Incident* incident = book_.Report(suspicion, &opened);
  if (incident == nullptr) return;
  if (const int64_t first_ns = targets_.FirstSeenNs(key); first_ns != 0) {
    incident->evidence.deploy = DeployEvidence{suspicion.version, first_ns};
  }
  // A later word of the metric level does not overwrite what the profile level knows.
  if (service != nullptr && !growing.empty() &&
      (suspicion.rank > 0 || incident->evidence.stacks.empty())) {
    FillEvidence(service, growing, incident);
  } else if (incident->evidence.traces.empty()) {
    AddRecentTraces(incident);
  }
  book_.Touch(incident);
  if (opened && service != nullptr) OrderCaptures(service, growing, *incident);
  if (opened) OrderHeapDump(*incident);
}

void LiveState::FillEvidence(Service* service, const std::vector<GrowingStack>& growing,
                             Incident* incident) {
  service->growth.Explain(growing, Spans(), Requests(), &incident->evidence);
  if (incident->evidence.traces.empty()) AddRecentTraces(incident);
  for (RouteEvidence& route : incident->evidence.routes) AddRates(*incident, &route);
}

// Requests a second over the last minute, or as long as the version has been seen; and, where no
// fit has said it, the bytes kept a request.
void LiveState::AddRates(const Incident& incident, RouteEvidence* route) const {
  const int64_t to_ns = clock_.now_ns() - kSpanLagNs;
  int64_t from_ns = to_ns - kNsPerMinute;
  if (incident.evidence.deploy) from_ns = std::max(from_ns, incident.evidence.deploy->time_ns);
  if (to_ns - from_ns < kNsPerSecond) return;
  double served = 0;
  for (const std::string& instance : incident.instances) {
    const Target target{incident.service, incident.service_namespace, incident.versions[0],
                        instance};
    const auto now = Requests()(target, to_ns), before = Requests()(target, from_ns);
    const auto last = now.find(route->route), first = before.find(route->route);
    if (last != now.end()) served += last->second - (first == before.end() ? 0 : first->second);
  }
  route->requests_per_second = served * kNsPerSecond / static_cast<double>(to_ns - from_ns);
  if (route->bytes_per_request <= 0 && route->requests_per_second > 0) {
    route->bytes_per_request = incident.total_growth_bytes_per_hour.value / 3600 *
                               route->growth_share / route->requests_per_second;
  }
}

// Where no sample names its span: the newest requests of the heaviest route, as those to look into.
void LiveState::AddRecentTraces(Incident* incident) {
  const std::string route =
      incident->evidence.routes.empty() ? "" : incident->evidence.routes[0].route;
  for (const std::string& instance : incident->instances) {
    const Target target{incident->service, incident->service_namespace, incident->versions[0],
                        instance};
    for (const auto& span : span_index_.RecentTraces(IdOf(target), route, kTracesPerRoute)) {
      if (incident->evidence.traces.size() == kTracesPerRoute) return;
      incident->evidence.traces.push_back(
          {.trace_id = span.trace_id,
           .span_id = span.span_id,
           .route = std::string(span.route),
           .start_ns = span.start_ns,
           .duration_ns = span.end_ns == 0 ? 0 : span.end_ns - span.start_ns,
           .ended = span.end_ns != 0});
    }
  }
}

void LiveState::OrderCaptures(Service* service, const std::vector<GrowingStack>& growing,
                              const Incident& incident) {
  std::string id;
  if (const InstanceProfile* worst = service->growth.Worst(growing))
    Order(*worst, "worst", "growth", &incident, &id);
  const ServiceKey key{incident.service, incident.service_namespace, incident.versions[0]};
  if (const InstanceProfile* healthy = HealthySibling(key, growing)) {
    Order(*healthy, "healthy", "growth", &incident, &id);
  }
}

// Of the leaking instance with most memory, among those that serve dumps. A program stands still
// while it writes one, so an incident asks for one.
void LiveState::OrderHeapDump(const Incident& incident) {
  const KnownTarget* heaviest = nullptr;
  const auto bytes = [](const KnownTarget& t) { return std::max(t.heap_bytes, t.rss_bytes); };
  for (const std::string& instance : incident.instances) {
    const KnownTarget* known = targets_.Find(
        Target{incident.service, incident.service_namespace, incident.versions[0], instance});
    if (known == nullptr || HeapDumpUrl(known->resource.attributes).empty()) continue;
    if (heaviest == nullptr || bytes(*known) > bytes(*heaviest)) heaviest = known;
  }
  if (heaviest == nullptr) return;
  const Attributes& attributes = heaviest->resource.attributes;
  output_->StartHeapDump({.url = HeapDumpUrl(attributes),
                          .info = {.name = heaviest->resource.target.instance,
                                   .service = incident.service,
                                   .version = incident.versions[0],
                                   .incident_id = incident.id,
                                   .executable = HeapDumpExecutable(attributes)}});
}

// An instance that does not grow: of the same version, else of another version without an open
// incident.
const InstanceProfile* LiveState::HealthySibling(const ServiceKey& sick,
                                                 const std::vector<GrowingStack>& growing) {
  if (const InstanceProfile* same = services_[sick].growth.Healthiest(growing)) return same;
  for (const auto& [key, service] : services_) {
    const auto& [name, service_namespace, version] = key;
    if (key == sick || name != std::get<0>(sick) || service_namespace != std::get<1>(sick))
      continue;
    if (book_.FindOpen(name, service_namespace, version) != nullptr) continue;
    if (const InstanceProfile* other = service.growth.Healthiest({})) return other;
  }
  return nullptr;
}

bool LiveState::Order(const InstanceProfile& instance, const std::string& role,
                      const std::string& trigger, const Incident* incident, std::string* id) {
  const Target& target = instance.resource.target;
  uint64_t hash = HashCombine(static_cast<uint64_t>(IdOf(target)), static_cast<uint64_t>(wall_ns_));
  hash = HashCombine(hash, ++captures_ordered_);
  *id = ToHex(SpanId{hash});
  CaptureOrder order{.id = *id,
                     .resource = instance.resource,
                     .annotations = {.trigger = trigger, .role = role},
                     .url = PprofUrl(instance.resource.attributes),
                     .latest = instance.profile};
  if (incident != nullptr) {
    order.annotations.incident = incident->id;
    order.annotations.onset_ns = incident->onset_ns;
  }
  for (const auto& span : span_index_.RecentTraces(IdOf(target), "", kTracesPerRoute)) {
    order.annotations.active_traces.push_back(span.trace_id);
  }
  return output_->StartCapture(std::move(order));
}

void LiveState::OnCaptured(const CaptureOrder& order, const CaptureRef& ref) {
  Incident* incident = book_.Find(order.annotations.incident);
  if (incident == nullptr) return;
  incident->evidence.captures.push_back(ref);
  book_.Touch(incident);
}

void LiveState::OnHeapDump(const std::string& incident_id, const HeapDumpRef& dump,
                           std::vector<std::string> retention) {
  Incident* incident = book_.Find(incident_id);
  if (incident == nullptr) return;
  auto& dumps = incident->evidence.heap_dumps;
  std::erase_if(dumps, [&](const HeapDumpRef& known) { return known.id == dump.id; });
  if (dumps.size() >= kMaxHeapDumps) dumps.erase(dumps.begin());
  dumps.push_back(dump);
  incident->evidence.retention = std::move(retention);
  book_.Touch(incident);
}

Result<Incident> LiveState::FindIncident(const std::string& id) {
  if (const Incident* incident = book_.Find(id)) return *incident;
  return NotFound("no incident '" + id + "'; GET /api/v1/incidents lists them");
}

std::vector<RouteStats> LiveState::Routes(const std::string& service) const {
  std::vector<RouteStats> rows;
  for (const RouteSummary& route : span_summary_.Routes(service)) {
    rows.push_back({.version = route.target.version,
                    .instance = route.target.instance,
                    .route = route.route.empty() ? route.name : route.route,
                    .ended = route.ended,
                    .errors = route.errors,
                    .p50_ms = route.latency.Quantile(0.5) / 1e6,
                    .p99_ms = route.latency.Quantile(0.99) / 1e6});
  }
  return rows;
}

std::vector<RouteSurvivors> LiveState::SurvivorRoutes(const std::string& service) const {
  std::vector<RouteSurvivors> rows;
  for (const auto& [key, state] : services_) {
    if (!service.empty() && std::get<0>(key) != service) continue;
    for (RouteSurvivors& row : state.growth.survivors().Routes()) {
      std::tie(row.service, row.service_namespace, row.version) = key;
      rows.push_back(std::move(row));
    }
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return rows;
}

std::vector<KeyedGrowth> LiveState::GrowthRows(const std::string& service,
                                               const std::string& by) const {
  std::vector<KeyedGrowth> rows;
  for (const Incident& incident : book_.All()) {
    if (incident.state != IncidentState::kOpen || (!service.empty() && incident.service != service))
      continue;
    const double growth = incident.total_growth_bytes_per_hour.value;
    if (by == "route") {
      for (const RouteEvidence& route : incident.evidence.routes) {
        rows.push_back(
            {route.route, growth * route.growth_share, static_cast<double>(route.survivor_bytes)});
      }
    } else {
      for (const TraceEvidence& trace : incident.evidence.traces) {
        rows.push_back({ToHex(trace.trace_id), 0, static_cast<double>(trace.bytes)});
      }
    }
  }
  return rows;
}

Result<std::string> LiveState::RequestCapture(const std::string& service,
                                              const std::string& instance) {
  const KnownTarget* chosen = targets_.Heaviest(service, instance);
  if (chosen == nullptr) {
    return NotFound("no target of service '" + service + "'" +
                    (instance.empty() ? "" : " with instance '" + instance + "'") +
                    "; GET /api/v1/targets lists them");
  }
  const Target& who = chosen->resource.target;
  const auto known = services_.find(KeyOf(who));
  const InstanceProfile* latest =
      known == services_.end() ? nullptr : known->second.growth.Find(who.instance);
  if (latest == nullptr && PprofUrl(chosen->resource.attributes).empty()) {
    return NotFound(
        "service '" + service +
        "' sends no profiles and serves none: add a scrape job with profiling, or run it under "
        "`tidemark run`");
  }
  std::string id;
  const bool queued =
      Order(latest != nullptr ? *latest : InstanceProfile{chosen->resource, {}, 0}, "worst",
            "demand", book_.FindOpen(who.service, who.service_namespace, who.version), &id);
  if (!queued) return Overloaded("too many captures are waiting; try again in a few seconds");
  return id;
}

LiveStats LiveState::stats() const {
  LiveStats stats = stats_;
  stats.targets = targets_.size();
  stats.span_index_entries = span_index_.size();
  stats.span_index_bytes = span_index_.memory_bytes();
  stats.span_summary_bytes = span_summary_.memory_bytes();
  stats.incidents_refused = book_.refused();
  stats.metric_detector = detector_.counters();
  for (const auto& [key, service] : services_) stats.profile_detector += service.growth.counters();
  for (const Incident& incident : book_.All())
    stats.incidents_open += incident.state == IncidentState::kOpen;
  return stats;
}

}  // namespace tidemark
