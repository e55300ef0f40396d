#include "diagnose/incident_book.h"

#include <algorithm>

#include "base/hash.h"
#include "diagnose/summary.h"

namespace tidemark {
namespace {

constexpr int kMetricQuietFactor = 12;
constexpr double kBytesPerGib = 1024.0 * 1024.0 * 1024.0;

// Equal on every server that opens the same incident: the leak of one version that began in the
// same hour.
std::string IdOf(const Suspicion& suspicion, size_t ordinal) {
  uint64_t id = Hash64(suspicion.service);
  id = HashCombine(id, Hash64(suspicion.service_namespace));
  id = HashCombine(id, Hash64(suspicion.version));
  return ToHex(SpanId{HashCombine(id, ordinal)});
}

void AddMissing(const std::vector<std::string>& from, std::vector<std::string>* to) {
  for (const std::string& each : from) {
    if (std::find(to->begin(), to->end(), each) == to->end()) to->push_back(each);
  }
}

}  // namespace

double MonthlyCostUsd(double total_bytes_per_hour, double price_per_gib_month_usd) {
  return std::max(0.0, total_bytes_per_hour) * 24 / kBytesPerGib * price_per_gib_month_usd;
}

void IncidentBook::Restore(Incident incident) {
  if (incident.state == IncidentState::kOpen && !incident.versions.empty()) {
    open_[{incident.service, incident.service_namespace, incident.versions[0]}] = incident.id;
  }
  const int64_t reported_ns = incident.updated_ns;
  const std::string id = incident.id;
  entries_[id] = {std::move(incident), 0, reported_ns, false};
}

IncidentBook::Entry* IncidentBook::Open(const Key& key, const Suspicion& suspicion) {
  if (entries_.size() >= policy_.max_incidents && !MakeRoom()) {
    ++refused_;
    return nullptr;
  }
  size_t ordinal = 0;
  while (entries_.contains(IdOf(suspicion, ordinal))) ++ordinal;
  const std::string id = IdOf(suspicion, ordinal);
  open_[key] = id;
  Entry& entry = entries_[id];
  entry.incident.id = id;
  entry.incident.kind = suspicion.kind;
  entry.incident.service = suspicion.service;
  entry.incident.service_namespace = suspicion.service_namespace;
  entry.incident.versions = {suspicion.version};
  entry.incident.onset_ns = suspicion.onset_ns;
  entry.incident.detected_ns = suspicion.time_ns;
  return &entry;
}

bool IncidentBook::MakeRoom() {
  auto oldest = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (it->second.incident.state == IncidentState::kOpen) continue;
    if (oldest == entries_.end() ||
        it->second.incident.resolved_ns < oldest->second.incident.resolved_ns)
      oldest = it;
  }
  if (oldest == entries_.end()) return false;
  entries_.erase(oldest);
  return true;
}

Incident* IncidentBook::Report(const Suspicion& suspicion, bool* opened) {
  const Key key{suspicion.service, suspicion.service_namespace, suspicion.version};
  const auto open = open_.find(key);
  *opened = open == open_.end();
  Entry* entry = *opened ? Open(key, suspicion) : &entries_[open->second];
  if (entry == nullptr) return nullptr;

  Incident& incident = entry->incident;
  entry->reported_ns = std::max(entry->reported_ns, suspicion.time_ns);
  AddMissing(suspicion.instances, &incident.instances);
  if (*opened || suspicion.rank >= entry->rank) {
    entry->rank = suspicion.rank;
    incident.growth_bytes_per_hour = suspicion.growth_bytes_per_hour;
  }
  if (suspicion.onset_ns != 0) incident.onset_ns = std::min(incident.onset_ns, suspicion.onset_ns);
  if (suspicion.oom_eta_ns != 0) incident.oom_eta_ns = suspicion.oom_eta_ns;
  incident.confidence = std::max(incident.confidence, suspicion.confidence);
  incident.updated_ns = std::max(incident.updated_ns, suspicion.time_ns);

  const auto instances = static_cast<double>(std::max<size_t>(1, incident.instances.size()));
  const Estimate& each = incident.growth_bytes_per_hour;
  incident.total_growth_bytes_per_hour = {each.value * instances, each.low * instances,
                                          each.high * instances};
  incident.monthly_cost_usd =
      MonthlyCostUsd(incident.total_growth_bytes_per_hour.value, policy_.price_per_gib_month_usd);
  entry->changed = true;
  return &incident;
}

Incident* IncidentBook::FindOpen(const std::string& service, const std::string& service_namespace,
                                 const std::string& version) {
  const auto open = open_.find({service, service_namespace, version});
  return open == open_.end() ? nullptr : Find(open->second);
}

Incident* IncidentBook::Find(const std::string& id) {
  const auto it = entries_.find(id);
  return it == entries_.end() ? nullptr : &it->second.incident;
}

void IncidentBook::Touch(Incident* incident) { entries_[incident->id].changed = true; }

void IncidentBook::ResolveQuiet(int64_t now_ns) {
  for (auto it = open_.begin(); it != open_.end();) {
    Entry& entry = entries_[it->second];
    const int64_t quiet_ns = policy_.quiet_ns * (entry.rank == 0 ? kMetricQuietFactor : 1);
    if (now_ns - entry.reported_ns <= quiet_ns) {
      ++it;
      continue;
    }
    entry.incident.state = IncidentState::kResolved;
    entry.incident.resolved_ns = now_ns;
    entry.changed = true;
    it = open_.erase(it);
  }
}

std::vector<Incident> IncidentBook::TakeChanged() {
  std::vector<Incident> changed;
  for (auto& [id, entry] : entries_) {
    if (!entry.changed) continue;
    entry.changed = false;
    entry.incident.summary = Summarize(entry.incident);
    changed.push_back(entry.incident);
  }
  return changed;
}

std::vector<Incident> IncidentBook::All() const {
  std::vector<Incident> all;
  for (const auto& [id, entry] : entries_) {
    all.push_back(entry.incident);
    all.back().summary = Summarize(entry.incident);
  }
  std::sort(all.begin(), all.end(), [](const Incident& a, const Incident& b) {
    return a.detected_ns != b.detected_ns ? a.detected_ns > b.detected_ns : a.id < b.id;
  });
  return all;
}

}  // namespace tidemark
