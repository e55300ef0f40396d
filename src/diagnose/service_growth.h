// What the heap profiles of one service and version say: which stacks grow, for whom, and on which
// instance to look. Pure; event time; belongs to one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "detect/route_attribution.h"
#include "detect/stack_growth.h"
#include "diagnose/incident_book.h"
#include "diagnose/span_attribution.h"
#include "diagnose/survivors.h"
#include "model/incident.h"
#include "model/profile.h"

namespace tidemark {

// Requests an instance has served by route, from its first span to a moment; empty when it sends no
// spans.
using RequestsLookup =
    std::function<std::map<std::string, double>(const Target& target, int64_t time_ns)>;

// Exporters hold spans back (OpenTelemetry SDKs for 5 s), so counts are final only this long after.
inline constexpr int64_t kSpanLagNs = 10'000'000'000;

struct ServiceGrowthLimits {
  size_t max_instances = 256;        // whose newest profile is kept
  size_t max_stacks = 8192;          // frames kept, of the stacks seen last
  size_t max_sampled_spans = 65536;  // named by samples, kept longer than the span index does
  size_t max_levels = 180;           // totals kept per instance
};

// The newest profile of one instance.
struct InstanceProfile {
  Resource resource;
  Profile profile;
  double inuse_bytes = 0;
};

class ServiceGrowth {
 public:
  explicit ServiceGrowth(ServiceGrowthLimits limits = {}) : limits_(limits) {}

  // One profile with inuse_space. Errors: invalid argument when the profile has no in-use bytes or
  // no time.
  Result<void> Add(const Resource& resource, Profile profile, const SpanLookup& spans,
                   const RequestsLookup& requests);

  // The verdict of the profile level: nothing while no stack passes every rule.
  std::vector<GrowingStack> Judge() const { return growth_.Evaluate(); }

  // What outlives its requests.
  const Survivors& survivors() const { return survivors_; }

  // The heaviest growth since `onset_ns`, for a verdict that came from elsewhere.
  std::vector<GrowingStack> TopGrowth(int64_t onset_ns, size_t max) const {
    return growth_.TopGrowth(onset_ns, 0, max);
  }

  // The verdict as a suspicion, all stacks taken together.
  Suspicion SuspicionOf(const std::vector<GrowingStack>& growing) const;

  // Stacks, routes and traces behind the growth, as known now. Spans are looked up again: they may
  // have been exported since the profile came.
  void Explain(const std::vector<GrowingStack>& growing, const SpanLookup& spans,
               const RequestsLookup& requests, Evidence* evidence);

  // The instance that holds most of the growing stacks, and of the others the one that holds least,
  // if it does not grow.
  const InstanceProfile* Worst(const std::vector<GrowingStack>& growing) const;
  const InstanceProfile* Healthiest(const std::vector<GrowingStack>& growing) const;
  const InstanceProfile* Find(const std::string& instance) const;
  const InstanceProfile* Largest() const;

  int64_t newest_ns() const { return newest_ns_; }
  int64_t oldest_ns() const { return oldest_ns_; }
  const StackGrowth::Counters& counters() const { return growth_.counters(); }

 private:
  // In-use bytes of one profile.
  struct Level {
    int64_t time_ns = 0;
    double inuse_bytes = 0;
  };

  RouteAttribution RouteShares(const RequestsLookup& requests) const;
  // Looks up a span, first among those remembered.
  std::optional<SpanFacts> Recall(SpanId span, const SpanLookup& lookup);
  void NoteSurvivors(const Resource& resource, const Profile& profile, double inuse_bytes,
                     std::vector<EndedBytes> ended, const RequestsLookup& requests);
  void Remember(const Resource& resource, Profile profile, double inuse_bytes);
  StackEvidence Describe(const GrowingStack& stack) const;

  const ServiceGrowthLimits limits_;
  StackGrowth growth_;
  Survivors survivors_;
  std::map<std::string, std::deque<Level>> levels_;              // by instance, for the routes
  std::map<std::string, InstanceProfile> newest_;                // by instance
  std::unordered_map<uint64_t, std::vector<FrameText>> frames_;  // by stack id
  std::unordered_map<uint64_t, SpanFacts> sampled_spans_;        // by span id
  int64_t newest_ns_ = 0, oldest_ns_ = 0;
};

}  // namespace tidemark
