#include "detect/service_detector.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <utility>

#include "base/hash.h"
#include "detect/detector_settings.h"
#include "detect/least_squares.h"

namespace tidemark::detector {
namespace {

constexpr double kBlock = static_cast<double>(kBlockS);
constexpr double kJoinedAfterS = 900;  // after the service was first seen: a start that was seen
constexpr double kIdleS = kRingBlocks * kBlock;
constexpr int64_t kEvictEveryBlocks = 12;
constexpr int64_t kCollectionMemoryBlocks = 72;

int64_t BlockAt(double time_s) { return static_cast<int64_t>(std::floor(time_s / kBlock)); }

Metric ToMetric(MetricKind kind) {
  switch (kind) {
    case MetricKind::kHeap:
      return Metric::kHeap;
    case MetricKind::kRss:
      return Metric::kRss;
    case MetricKind::kLimit:
      return Metric::kLimit;
    case MetricKind::kActiveSpans:
      return Metric::kSpans;
    case MetricKind::kReqRate:
      return Metric::kRate;
  }
  return Metric::kHeap;
}

const char* KindName(Channel channel) {
  switch (channel) {
    case Channel::kHeap:
      return "heap";
    case Channel::kRss:
      return "rss";
    case Channel::kSpans:
      return "spans";
  }
  return "heap";
}

std::string VerdictId(std::string_view service, std::string_view version, int64_t block) {
  const uint64_t hash =
      HashCombine(HashCombine(Hash64(service), Hash64(version)), static_cast<uint64_t>(block));
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

// See Verdict::confidence.
double Confidence(const Trend& trend) {
  const double by_z = std::exp(-(trend.z - 5) / 5);
  const double by_history = trend.mature ? 0.5 : 1;
  const double by_window = 1 + 0.5 * std::exp(-trend.window / kBlocksPerHour);
  return std::clamp(1 - 0.15 * by_z * by_history * by_window, 0.5, 0.99);
}

// Bytes a span, from how heap and spans moved together over the window; 1 for the byte channels.
double BytesPerUnit(const VersionPath& path, const Finding& finding) {
  if (finding.channel != Channel::kSpans) return 1;
  const size_t last = path.size() - 1;
  const size_t first = path.size() - static_cast<size_t>(finding.trend.window);
  const double spans = path.spans()[last] - path.spans()[first];
  return spans > 0 ? (path.heap()[last] - path.heap()[first]) / spans : 0;
}

// 2.5 standard errors and 7 % of the growth, which is never exactly linear.
Estimate GrowthPerHour(const VersionPath& path, const Finding& finding) {
  const double scale = kBlocksPerHour * BytesPerUnit(path, finding);
  const double value = finding.trend.per_block * scale;
  const double half = 2.5 * finding.trend.error * std::abs(scale) + 0.07 * std::abs(value);
  return {value, value - half, value + half};
}

// When the first of `instances` reaches its limit at this growth, a tenth of which RSS adds; 0 when
// none has a limit.
double LimitReachedAt(const std::vector<const InstanceSeries*>& instances, double bytes_per_hour,
                      double now_s) {
  double at_s = 0;
  for (const InstanceSeries* instance : instances) {
    if (instance->limit() <= 0 || instance->last_rss() <= 0 || bytes_per_hour <= 0) continue;
    const double room = std::max(0.0, instance->limit() - instance->last_rss());
    const double reached_s = now_s + room / (bytes_per_hour * 1.1) * 3600;
    at_s = at_s == 0 ? reached_s : std::min(at_s, reached_s);
  }
  return at_s;
}

}  // namespace

ServiceDetector::ServiceDetector(std::string name, const FleetLimits& limits,
                                 FleetCounters& counters, VerdictBook& book, size_t& instances)
    : name_(std::move(name)),
      limits_(limits),
      counters_(counters),
      book_(book),
      instance_count_(instances) {}

ServiceDetector::~ServiceDetector() {
  for (Version& version : versions_) {
    if (version.open != 0) book_.Close(version.open, watermark_s_);
    instance_count_ -= version.instances.size();
  }
}

ServiceDetector::Version* ServiceDetector::VersionOf(std::string_view name) {
  for (Version& version : versions_) {
    if (version.name == name) return &version;
  }
  if (versions_.size() >= limits_.max_versions_per_service) EvictIdle(kMaxJumpS);
  if (versions_.size() >= limits_.max_versions_per_service) return nullptr;
  versions_.emplace_back().name = name;
  return &versions_.back();
}

// The points of one instance mostly come together, so the last one found is tried first.
InstanceSeries* ServiceDetector::InstanceOf(const MetricPoint& point) {
  if (last_instance_ && last_instance_->name() == point.instance &&
      last_version_ == point.version) {
    return last_instance_;
  }
  last_instance_ = FindOrAddInstance(point);
  last_version_ = point.version;
  return last_instance_;
}

InstanceSeries* ServiceDetector::FindOrAddInstance(const MetricPoint& point) {
  Version* version = VersionOf(point.version);
  if (!version) return nullptr;
  const auto known = version->by_name.find(point.instance);
  if (known != version->by_name.end()) return known->second;
  if (instance_count_ >= limits_.max_instances) {
    EvictIdle(kMaxJumpS);
    version = VersionOf(point.version);
    if (!version || instance_count_ >= limits_.max_instances) return nullptr;
  }
  auto series = std::make_unique<InstanceSeries>(std::string(point.instance), point.time_s,
                                                 point.time_s > first_s_ + kJoinedAfterS);
  InstanceSeries* instance = series.get();
  version->by_name.emplace(instance->name(), instance);
  version->instances.push_back(std::move(series));
  ++instance_count_;
  return instance;
}

void ServiceDetector::StartClock(double time_s) {
  started_ = true;
  first_s_ = watermark_s_ = time_s;
  next_block_ = BlockAt(time_s);
  votes_ahead_ = votes_behind_ = 0;
}

// The watermark was far ahead of what all senders say now: begin anew.
void ServiceDetector::ResetClock(double time_s) {
  for (Version& version : versions_) {
    if (version.open != 0) book_.Close(version.open, watermark_s_);
    instance_count_ -= version.instances.size();
  }
  versions_.clear();
  last_instance_ = nullptr;
  last_collection_block_ = INT64_MIN / 2;
  ++counters_.clock_resets;
  StartClock(time_s);
}

// Advances the watermark to `time_s`. False: the point is over an hour ahead of the others and must
// wait until more points say so (a service that was silent for long), so that one wrong clock moves
// nothing. Points far ahead and far behind vote against those on time, one each.
bool ServiceDetector::MoveClock(double time_s) {
  if (time_s < watermark_s_ - kMaxJumpS) {
    if (++votes_behind_ >= kBehindQuorum) ResetClock(time_s);
    return true;
  }
  if (time_s > watermark_s_ + kMaxJumpS) {
    if (votes_ahead_ == 0 || std::abs(time_s - ahead_first_s_) > kMaxJumpS) {
      votes_ahead_ = 0;
      ahead_first_s_ = time_s;
    }
    if (++votes_ahead_ < kAheadQuorum) {
      ++counters_.points_ahead;
      return false;
    }
    ++counters_.clock_jumps;
    votes_ahead_ = 0;
  }
  votes_ahead_ = std::max(0, votes_ahead_ - 1);
  votes_behind_ = std::max(0, votes_behind_ - 1);
  if (time_s <= watermark_s_) return true;
  const int64_t newest_data = BlockAt(watermark_s_);
  watermark_s_ = time_s;
  CloseBlocksBefore(std::min(time_s - kLateS, static_cast<double>(newest_data + 1) * kBlock));
  // Blocks after the newest data are empty.
  next_block_ = std::max(next_block_, BlockAt(time_s - kLateS));
  return true;
}

void ServiceDetector::Add(const MetricPoint& point) {
  if (!started_) StartClock(point.time_s);
  const bool is_limit = point.metric == MetricKind::kLimit;
  if (!is_limit && !MoveClock(point.time_s)) return;
  InstanceSeries* instance = InstanceOf(point);
  if (!instance) {
    ++counters_.points_refused;
    return;
  }
  if (instance->Add(ToMetric(point.metric), point.time_s, point.value)) {
    ++counters_.points;
  } else {
    ++counters_.points_late;
  }
}

void ServiceDetector::Finish() {
  if (started_) CloseBlocksBefore(watermark_s_);
}

void ServiceDetector::CloseBlocksBefore(double end_s) {
  while (static_cast<double>(next_block_ + 1) * kBlock <= end_s) CloseBlock(next_block_++);
}

void ServiceDetector::CloseBlock(int64_t block) {
  for (Version& version : versions_) {
    version.touched.clear();
    for (const auto& instance : version.instances) {
      if (const BlockSums* sums = instance->FullBlock(block)) {
        version.touched.push_back({instance.get(), sums});
      }
    }
    if (version.touched.empty()) continue;
    if (!version.path) version.path.emplace(block);
    if (version.path->Add(block, version.touched)) last_collection_block_ = block;
  }
  for (Version& version : versions_) {
    if (!version.touched.empty()) {
      Judge(version, block);
    } else {
      CloseQuiet(version, block);
    }
  }
  if (block % kEvictEveryBlocks == 0) EvictIdle(kIdleS);
}

void ServiceDetector::EvictIdle(double idle_s) {
  last_instance_ = nullptr;
  for (Version& version : versions_) {
    std::erase_if(version.instances, [&](const std::unique_ptr<InstanceSeries>& instance) {
      if (watermark_s_ - instance->last_seen_s() < idle_s) return false;
      version.by_name.erase(instance->name());
      ++counters_.instances_evicted;
      --instance_count_;
      return true;
    });
  }
  std::erase_if(versions_, [](const Version& version) {
    return version.instances.empty() && version.open == 0;
  });
}

// Collections are rare enough that only what they leave counts: one was seen within 6 hours, and
// none is overdue.
bool ServiceDetector::ByTroughs(int64_t block) const {
  if (last_collection_block_ <= block - kCollectionMemoryBlocks) return false;
  std::vector<double> gaps;
  for (const Version& version : versions_) {
    for (const auto& instance : version.instances) {
      const auto& troughs = instance->troughs();
      for (size_t i = 1; i < troughs.size(); ++i) {
        if (troughs[i].life == troughs[i - 1].life) {
          gaps.push_back(static_cast<double>(troughs[i].block - troughs[i - 1].block));
        }
      }
    }
  }
  const double gap = gaps.empty() ? 24 : MedianInPlace(gaps);
  return static_cast<double>(block - last_collection_block_) <= std::max(6.0, 1.5 * gap);
}

VersionQuestion ServiceDetector::QuestionFor(const Version& version, int64_t block) const {
  VersionQuestion question;
  question.path = &*version.path;
  for (const auto& instance : version.instances) question.instances.push_back(instance.get());
  question.block = block;
  question.by_troughs = ByTroughs(block);
  question.service_born_block = version.path->born_block();
  for (const Version& other : versions_) {
    if (!other.path) continue;
    question.service_born_block = std::min(question.service_born_block, other.path->born_block());
    if (other.path->born_block() < version.path->born_block()) {
      question.seen_elsewhere += other.path->credited();
    }
  }
  return question;
}

void ServiceDetector::Judge(Version& version, int64_t block) {
  const auto finding = JudgeVersion(QuestionFor(version, block));
  version.streak = finding ? version.streak + 1 : 0;
  if (version.open != 0) {
    if (finding) {
      Update(version, *finding, block);
    } else {
      CloseQuiet(version, block);
    }
    return;
  }
  if (!finding) return;
  const bool beyond_doubt = finding->trend.z > 2 * kMinZ && finding->trend.window >= 6;
  if (version.streak >= (beyond_doubt ? 1 : kConfirmations)) Open(version, *finding, block);
}

void ServiceDetector::Open(Version& version, const Finding& finding, int64_t block) {
  Verdict verdict;
  verdict.id = VerdictId(name_, version.name, block);
  verdict.service = name_;
  verdict.version = version.name;
  verdict.detected_at_s = watermark_s_;
  verdict.kind = KindName(finding.channel);
  verdict.onset_s = static_cast<double>(finding.trend.onset_block * kBlockS);
  verdict.bytes_per_hour_first = GrowthPerHour(*version.path, finding).value;
  version.open = book_.Open(std::move(verdict));
  Update(version, finding, block);
}

void ServiceDetector::Update(Version& version, const Finding& finding, int64_t block) {
  version.confirmed_block = block;
  std::vector<const InstanceSeries*> growing;
  if (finding.pod) {
    growing.push_back(finding.pod);
  } else {
    for (const auto& instance : version.instances) {
      if (instance->last_block() >= block - 12) growing.push_back(instance.get());
    }
  }
  Verdict& verdict = book_.Change(version.open);
  for (const InstanceSeries* instance : growing) {
    if (std::find(verdict.instances.begin(), verdict.instances.end(), instance->name()) ==
        verdict.instances.end()) {
      verdict.instances.push_back(instance->name());
    }
  }
  verdict.updated_at_s = watermark_s_;
  verdict.bytes_per_hour = GrowthPerHour(*version.path, finding);
  verdict.confidence = Confidence(finding.trend);
  verdict.z = finding.trend.z;
  verdict.window_s = finding.trend.window * kBlock;
  verdict.oom_eta_s = LimitReachedAt(growing, verdict.bytes_per_hour.value, watermark_s_);
}

void ServiceDetector::CloseQuiet(Version& version, int64_t block) {
  if (version.open == 0) return;
  if (static_cast<double>(block - version.confirmed_block) * kBlock <= kQuietS) return;
  book_.Close(version.open, static_cast<double>(block + 1) * kBlock);
  version.open = 0;
}

}  // namespace tidemark::detector
