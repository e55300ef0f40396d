// The senders that the server has heard of: who they are, when they were seen, how much memory they
// have and may have.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "model/target.h"

namespace tidemark {

// Service, namespace, version.
using ServiceKey = std::tuple<std::string, std::string, std::string>;

ServiceKey KeyOf(const Target& target);

// What is known of one sender beside its series. Bytes; 0 = not told.
struct KnownTarget {
  Resource resource;  // the attributes of all that it sent
  int64_t first_seen_ns = 0, last_seen_ns = 0;
  double limit_bytes = 0, rss_bytes = 0, heap_bytes = 0;
  int64_t limit_capture_ns = 0;  // the last capture that was ordered because the limit is near
};

// Where the live profile of a target is served, or "": told by the scraper, or the port that
// `tidemark run` and `tidemark watch` announce on the address their exports came from. A sender
// cannot name another host, so it cannot make the server call one.
std::string PprofUrl(const Attributes& attributes);
// Where a heap dump of a target is served, or "", and the file of its program: told by the scraper
// alone.
std::string HeapDumpUrl(const Attributes& attributes);
std::string HeapDumpExecutable(const Attributes& attributes);

// One thread at a time. Memory: at most `max_targets`; beyond it the longest silent one is
// forgotten.
class KnownTargets {
 public:
  explicit KnownTargets(size_t max_targets) : max_targets_(max_targets) {}

  // The sender of something, at `time_ns` of its own clock. Valid until the next call.
  KnownTarget* Know(const Resource& resource, int64_t time_ns);
  KnownTarget* Find(const Target& target);
  const KnownTarget* Find(const Target& target) const;

  // The one with most heap of a service, of one instance where that is not empty; nullptr without
  // any.
  const KnownTarget* Heaviest(const std::string& service, const std::string& instance) const;
  // When a version was first heard of; 0 = never.
  int64_t FirstSeenNs(const ServiceKey& key) const;
  // When the first of these instances reaches its limit at `bytes_per_hour`, counted from
  // `from_ns`; 0 = none within a year, or no limit known.
  int64_t LimitReachedNs(const ServiceKey& key, const std::vector<std::string>& instances,
                         double bytes_per_hour, int64_t from_ns) const;

  size_t size() const { return targets_.size(); }

 private:
  const size_t max_targets_;
  std::unordered_map<uint64_t, KnownTarget> targets_;  // by target id
};

}  // namespace tidemark
