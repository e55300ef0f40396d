#include "diagnose/service_growth.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_set>

#include "diagnose/cause.h"
#include "diagnose/route_in_stack.h"

namespace tidemark {
namespace {

constexpr size_t kMaxStacksShown = 10;
constexpr size_t kMaxRoutesShown = 10;
// Below this share of linked bytes the spans speak for too little to name routes by them.
constexpr double kMinLinkedShare = 0.2;
// From this share of the growth's variation on, requests explain it better than names do.
constexpr double kConvincingFit = 0.5;

std::string HexOf(uint64_t id) { return ToHex(SpanId{id}); }

std::unordered_set<uint64_t> IdsOf(const std::vector<GrowingStack>& growing) {
  std::unordered_set<uint64_t> ids;
  for (const GrowingStack& stack : growing) ids.insert(stack.stack_id);
  return ids;
}

std::set<std::string> InstancesOf(const std::vector<GrowingStack>& growing) {
  std::set<std::string> instances;
  for (const GrowingStack& stack : growing)
    instances.insert(stack.instances.begin(), stack.instances.end());
  return instances;
}

// Native heaps show what is live now, collected ones what the last collection left.
bool IsNative(const Resource& resource) {
  const std::string& language = AttributeOr(resource.attributes, "telemetry.sdk.language");
  return language == "cpp" || language == "rust";
}

// Where samples name no span: growth that follows the requests, or, while that explains little, the
// route that the heaviest stack's functions are named after.
std::vector<RouteEvidence> RoutesWithoutSpans(const RouteAttribution& shares,
                                              const std::vector<StackEvidence>& stacks) {
  std::vector<RouteEvidence> out;
  std::vector<std::string> routes;
  for (const RouteGrowth& share : shares.routes) {
    routes.push_back(share.route);
    if (share.growth_share <= 0 || out.size() == kMaxRoutesShown) continue;
    out.push_back({.route = share.route,
                   .growth_share = share.growth_share,
                   .bytes_per_request = share.bytes_per_request,
                   .method = "correlation"});
  }
  const std::string named = stacks.empty() ? "" : RouteInStack(routes, stacks[0].frames);
  if (shares.r_squared >= kConvincingFit || named.empty()) return out;
  return {{.route = named, .growth_share = 1, .method = "stack"}};
}

// Independent estimates: values add, errors add in squares.
Estimate Sum(const std::vector<GrowingStack>& growing) {
  Estimate sum;
  double below = 0, above = 0;
  for (const GrowingStack& stack : growing) {
    const Estimate& each = stack.growth_bytes_per_hour;
    sum.value += each.value;
    below += (each.value - each.low) * (each.value - each.low);
    above += (each.high - each.value) * (each.high - each.value);
  }
  sum.low = sum.value - std::sqrt(below);
  sum.high = sum.value + std::sqrt(above);
  return sum;
}

}  // namespace

std::optional<SpanFacts> ServiceGrowth::Recall(SpanId span, const SpanLookup& lookup) {
  const auto known = sampled_spans_.find(static_cast<uint64_t>(span));
  if (known != sampled_spans_.end()) return known->second;
  auto facts = lookup(span);
  if (facts && facts->end_ns != 0) {
    if (sampled_spans_.size() >= limits_.max_sampled_spans)
      sampled_spans_.erase(sampled_spans_.begin());
    sampled_spans_.emplace(static_cast<uint64_t>(span), *facts);
  }
  return facts;
}

Result<void> ServiceGrowth::Add(const Resource& resource, Profile profile, const SpanLookup& spans,
                                const RequestsLookup& requests) {
  const uint32_t bytes = profile.TypeIndex("inuse_space");
  const uint32_t objects = profile.TypeIndex("inuse_objects");
  const uint32_t allocated = profile.TypeIndex("alloc_space");
  if (bytes == kNoIndex)
    return InvalidArgument("the profile has no inuse_space: not a heap profile");
  if (profile.time_ns <= 0) return InvalidArgument("the profile has no time");

  std::unordered_map<uint64_t, StackSample> stacks;
  std::unordered_map<uint64_t, std::vector<FrameText>> seen;
  std::vector<EndedBytes> outlived;
  bool any_span = false;
  double inuse_bytes = 0;
  for (const Sample& sample : profile.samples) {
    std::vector<FrameText> frames = FramesOf(profile, sample);
    const uint64_t id = StackIdOf(frames);
    StackSample& stack = stacks[id];
    stack.stack_id = id;
    stack.inuse_bytes += static_cast<double>(sample.values[bytes]);
    inuse_bytes += static_cast<double>(sample.values[bytes]);
    if (objects != kNoIndex) stack.inuse_objects += static_cast<double>(sample.values[objects]);
    if (allocated != kNoIndex) {
      stack.alloc_bytes =
          std::max(0.0, stack.alloc_bytes) + static_cast<double>(sample.values[allocated]);
    }
    if (const SpanId span = SpanOf(sample); span != SpanId::kNone) {
      any_span = true;
      const auto facts = Recall(span, spans);
      const bool ended = facts && facts->end_ns != 0;
      stack.linked_bytes = std::max(0.0, stack.linked_bytes) +
                           (ended ? static_cast<double>(sample.values[bytes]) : 0);
      if (ended) {
        const int64_t count = objects == kNoIndex ? 0 : sample.values[objects];
        outlived.push_back({*facts, span, id, static_cast<double>(sample.values[bytes]),
                            static_cast<double>(count)});
      }
    }
    if (seen.size() < limits_.max_stacks) seen.emplace(id, std::move(frames));
  }
  if (any_span) {
    for (auto& [id, stack] : stacks) stack.linked_bytes = std::max(0.0, stack.linked_bytes);
  }

  std::vector<StackSample> samples;
  samples.reserve(stacks.size());
  for (const auto& [id, stack] : stacks) samples.push_back(stack);
  const auto served = requests(resource.target, profile.time_ns - kSpanLagNs);
  double requests_total = served.empty() ? -1 : 0;
  for (const auto& [route, count] : served) requests_total += count;
  growth_.Add(resource.target.instance, profile.time_ns, samples,
              static_cast<double>(profile.period), requests_total);

  NoteSurvivors(resource, profile, inuse_bytes, std::move(outlived), requests);
  if (frames_.size() + seen.size() > limits_.max_stacks) frames_.clear();
  for (auto& [id, frames] : seen) frames_.insert_or_assign(id, std::move(frames));
  newest_ns_ = std::max(newest_ns_, profile.time_ns);
  if (oldest_ns_ == 0) oldest_ns_ = profile.time_ns;
  Remember(resource, std::move(profile), inuse_bytes);
  return {};
}

void ServiceGrowth::NoteSurvivors(const Resource& resource, const Profile& profile,
                                  double inuse_bytes, std::vector<EndedBytes> ended,
                                  const RequestsLookup& requests) {
  std::map<int64_t, std::map<std::string, double>> served;  // by time: few times, many routes
  const auto requests_at = [&](const std::string& route, int64_t time_ns) {
    const auto [at, added] = served.try_emplace(time_ns);
    if (added) at->second = requests(resource.target, time_ns);
    const auto found = at->second.find(route);
    return found == at->second.end() ? -1.0 : found->second;
  };
  survivors_.Add(resource.target.instance, profile.time_ns, inuse_bytes, std::move(ended),
                 requests_at);
}

void ServiceGrowth::Remember(const Resource& resource, Profile profile, double inuse_bytes) {
  std::deque<Level>& levels = levels_[resource.target.instance];
  // An unchanged heap means that nothing was collected in between: the interval goes on.
  const bool newer = levels.empty() || profile.time_ns > levels.back().time_ns;
  const bool changed = levels.empty() || levels.back().inuse_bytes != inuse_bytes;
  if (newer && changed) levels.push_back({profile.time_ns, inuse_bytes});
  if (levels.size() > limits_.max_levels) levels.pop_front();
  newest_.insert_or_assign(resource.target.instance,
                           InstanceProfile{resource, std::move(profile), inuse_bytes});
  if (newest_.size() <= limits_.max_instances) return;
  const auto oldest =
      std::min_element(newest_.begin(), newest_.end(), [](const auto& a, const auto& b) {
        return a.second.profile.time_ns < b.second.profile.time_ns;
      });
  levels_.erase(oldest->first);
  newest_.erase(oldest);
}

// Growth of the whole heap from profile to profile against the requests served between them.
RouteAttribution ServiceGrowth::RouteShares(const RequestsLookup& requests) const {
  std::vector<std::string> routes;
  std::map<std::string, size_t> index;
  std::vector<RouteInterval> intervals;
  uint32_t instance_number = 0;
  HeapView view = HeapView::kCollected;
  for (const auto& [instance, levels] : levels_) {
    const auto known = newest_.find(instance);
    if (known == newest_.end()) continue;
    if (IsNative(known->second.resource)) view = HeapView::kLive;
    const Target& target = known->second.resource.target;
    auto before = requests(target, levels.front().time_ns);
    for (size_t i = 1; i < levels.size(); ++i) {
      auto now = requests(target, levels[i].time_ns);
      // Later than this the counts are not final yet.
      if (levels[i].time_ns > newest_ns_ - kSpanLagNs) break;
      RouteInterval interval{
          instance_number, levels[i].inuse_bytes - levels[i - 1].inuse_bytes, {}};
      for (const auto& [route, count] : now) {
        const auto [it, fresh] = index.try_emplace(route, routes.size());
        if (fresh) routes.push_back(route);
        interval.requests.resize(std::max(interval.requests.size(), it->second + 1), 0);
        interval.requests[it->second] = std::max(0.0, count - before[route]);
      }
      intervals.push_back(std::move(interval));
      before = std::move(now);
    }
    ++instance_number;
  }
  for (RouteInterval& interval : intervals) interval.requests.resize(routes.size(), 0);
  return AttributeGrowth(routes, intervals, view);
}

Suspicion ServiceGrowth::SuspicionOf(const std::vector<GrowingStack>& growing) const {
  Suspicion suspicion{
      .kind = "heap", .growth_bytes_per_hour = Sum(growing), .time_ns = newest_ns_, .rank = 1};
  for (const GrowingStack& stack : growing) {
    if (stack.evidence == RequestEvidence::kEndedSpans) suspicion.kind = "survivors";
    suspicion.confidence = std::max(suspicion.confidence, stack.confidence);
    if (suspicion.onset_ns == 0 || stack.onset_ns < suspicion.onset_ns)
      suspicion.onset_ns = stack.onset_ns;
  }
  for (const std::string& instance : InstancesOf(growing)) suspicion.instances.push_back(instance);
  return suspicion;
}

StackEvidence ServiceGrowth::Describe(const GrowingStack& stack) const {
  StackEvidence evidence{.stack_id = HexOf(stack.stack_id),
                         .growth_bytes_per_hour = stack.growth_bytes_per_hour,
                         .inuse_bytes = std::llround(stack.inuse_bytes),
                         .inuse_objects = std::llround(stack.inuse_objects),
                         .growth_share = stack.share,
                         .retained_share = std::max(0.0, stack.retained_share)};
  const auto frames = frames_.find(stack.stack_id);
  if (frames == frames_.end() || frames->second.empty()) return evidence;
  evidence.frames = frames->second;
  const FrameText& cause = evidence.frames[CauseIndex(evidence.frames)];
  evidence.cause = cause.function;
  evidence.cause_file = cause.file;
  evidence.cause_line = cause.line;
  return evidence;
}

void ServiceGrowth::Explain(const std::vector<GrowingStack>& growing, const SpanLookup& spans,
                            const RequestsLookup& requests, Evidence* evidence) {
  evidence->stacks.clear();
  for (const GrowingStack& stack : growing) {
    if (evidence->stacks.size() == kMaxStacksShown) break;
    evidence->stacks.push_back(Describe(stack));
  }
  const InstanceProfile* worst = Worst(growing);
  if (worst == nullptr) return;

  const SpanAttribution linked = AttributeToSpans(worst->profile, IdsOf(growing),
                                                  [&](SpanId span) { return Recall(span, spans); });
  const RouteAttribution shares = RouteShares(requests);
  if (static_cast<double>(linked.linked_bytes) >
      kMinLinkedShare * static_cast<double>(linked.total_bytes)) {
    evidence->routes = linked.routes;
    evidence->traces = linked.traces;
    for (RouteEvidence& route : evidence->routes) {
      for (const RouteGrowth& share : shares.routes) {
        if (share.route == route.route) route.bytes_per_request = share.bytes_per_request;
      }
    }
  } else {
    evidence->routes = RoutesWithoutSpans(shares, evidence->stacks);
  }
}

const InstanceProfile* ServiceGrowth::Worst(const std::vector<GrowingStack>& growing) const {
  const InstanceProfile* worst = nullptr;
  for (const std::string& instance : InstancesOf(growing)) {
    const InstanceProfile* profile = Find(instance);
    if (profile != nullptr && (worst == nullptr || profile->inuse_bytes > worst->inuse_bytes))
      worst = profile;
  }
  return worst != nullptr ? worst : Largest();
}

const InstanceProfile* ServiceGrowth::Healthiest(const std::vector<GrowingStack>& growing) const {
  const std::set<std::string> sick = InstancesOf(growing);
  const InstanceProfile* healthiest = nullptr;
  for (const auto& [instance, profile] : newest_) {
    if (sick.contains(instance)) continue;
    if (healthiest == nullptr || profile.inuse_bytes < healthiest->inuse_bytes)
      healthiest = &profile;
  }
  return healthiest;
}

const InstanceProfile* ServiceGrowth::Find(const std::string& instance) const {
  const auto it = newest_.find(instance);
  return it == newest_.end() ? nullptr : &it->second;
}

const InstanceProfile* ServiceGrowth::Largest() const {
  const InstanceProfile* largest = nullptr;
  for (const auto& [instance, profile] : newest_) {
    if (largest == nullptr || profile.inuse_bytes > largest->inuse_bytes) largest = &profile;
  }
  return largest;
}

}  // namespace tidemark
