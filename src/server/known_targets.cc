#include "server/known_targets.h"

#include <algorithm>

#include "base/time.h"

namespace tidemark {
namespace {

constexpr double kFarHours = 24.0 * 365;

bool IsDigits(const std::string& text, size_t max_length) {
  return !text.empty() && text.size() <= max_length &&
         text.find_first_not_of("0123456789") == std::string::npos;
}

}  // namespace

ServiceKey KeyOf(const Target& target) {
  return {target.service, target.service_namespace, target.version};
}

std::string PprofUrl(const Attributes& attributes) {
  const std::string& url = AttributeOr(attributes, "tidemark.pprof.url");
  if (!url.empty()) return url;
  const std::string& port = AttributeOr(attributes, "tidemark.pprof.port");
  std::string peer = AttributeOr(attributes, "tidemark.peer");
  if (!IsDigits(port, 5) || peer.empty()) return "";
  if (peer.find(':') != std::string::npos && peer.front() != '[') peer = "[" + peer + "]";
  // `tidemark watch` serves many processes on one port.
  const std::string& pid = AttributeOr(attributes, "tidemark.pprof.pid");
  return "http://" + peer + ":" + port + "/debug/pprof/heap" +
         (IsDigits(pid, 20) ? "?pid=" + pid : "");
}

std::string HeapDumpUrl(const Attributes& attributes) {
  return AttributeOr(attributes, "tidemark.heap_dump.url");
}

std::string HeapDumpExecutable(const Attributes& attributes) {
  return AttributeOr(attributes, "tidemark.heap_dump.executable");
}

KnownTarget* KnownTargets::Know(const Resource& resource, int64_t time_ns) {
  const auto id = static_cast<uint64_t>(IdOf(resource.target));
  auto it = targets_.find(id);
  if (it == targets_.end()) {
    if (targets_.size() >= max_targets_) {
      targets_.erase(
          std::min_element(targets_.begin(), targets_.end(), [](const auto& a, const auto& b) {
            return a.second.last_seen_ns < b.second.last_seen_ns;
          }));
    }
    it = targets_.emplace(id, KnownTarget{resource, time_ns, time_ns}).first;
  }
  KnownTarget& known = it->second;
  known.last_seen_ns = std::max(known.last_seen_ns, time_ns);
  for (const auto& attribute : resource.attributes) known.resource.attributes.push_back(attribute);
  Normalize(&known.resource.attributes);
  return &known;
}

const KnownTarget* KnownTargets::Find(const Target& target) const {
  const auto it = targets_.find(static_cast<uint64_t>(IdOf(target)));
  return it == targets_.end() ? nullptr : &it->second;
}

KnownTarget* KnownTargets::Find(const Target& target) {
  return const_cast<KnownTarget*>(std::as_const(*this).Find(target));
}

const KnownTarget* KnownTargets::Heaviest(const std::string& service,
                                          const std::string& instance) const {
  const KnownTarget* heaviest = nullptr;
  for (const auto& [id, target] : targets_) {
    const Target& who = target.resource.target;
    if (who.service != service || (!instance.empty() && who.instance != instance)) continue;
    if (heaviest == nullptr || target.heap_bytes > heaviest->heap_bytes) heaviest = &target;
  }
  return heaviest;
}

int64_t KnownTargets::FirstSeenNs(const ServiceKey& key) const {
  int64_t first_ns = 0;
  for (const auto& [id, target] : targets_) {
    if (KeyOf(target.resource.target) != key) continue;
    if (first_ns == 0 || target.first_seen_ns < first_ns) first_ns = target.first_seen_ns;
  }
  return first_ns;
}

int64_t KnownTargets::LimitReachedNs(const ServiceKey& key,
                                     const std::vector<std::string>& instances,
                                     double bytes_per_hour, int64_t from_ns) const {
  if (bytes_per_hour <= 0) return 0;
  const auto& [service, service_namespace, version] = key;
  int64_t nearest_ns = 0;
  for (const std::string& instance : instances) {
    const KnownTarget* known = Find({service, service_namespace, version, instance});
    if (known == nullptr || known->limit_bytes <= 0) continue;
    const double room = known->limit_bytes - std::max(known->rss_bytes, known->heap_bytes);
    const double hours = std::max(0.0, room) / bytes_per_hour;
    if (hours > kFarHours) continue;
    const int64_t reached_ns =
        from_ns + static_cast<int64_t>(hours * static_cast<double>(kNsPerHour));
    if (nearest_ns == 0 || reached_ns < nearest_ns) nearest_ns = reached_ns;
  }
  return nearest_ns;
}

}  // namespace tidemark
