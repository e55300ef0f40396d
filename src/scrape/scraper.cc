#include "scrape/scraper.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <queue>
#include <thread>

#include "base/hash.h"
#include "base/time.h"
#include "codec/pprof.h"
#include "scrape/discovery.h"
#include "scrape/schedule.h"

namespace tidemark {
namespace {

constexpr size_t kMaxReportedErrors = 20;
constexpr int64_t kProfileHeadStartNs = 500'000'000;  // for metrics, which may say the version

// What is known of a target. `mutex` guards all below it; the rest never changes.
struct TargetState {
  ScrapeTarget target;
  std::atomic<bool> gone{false};
  std::mutex mutex;
  std::string version;  // the last target_info's
  ScrapeStatus metrics, profile;
};

enum class Work : uint8_t { kMetrics, kProfile, kDiscovery };

struct Entry {
  int64_t due_ns = 0;  // steady clock
  Work work = Work::kDiscovery;
  std::shared_ptr<TargetState> state;  // shared by its two entries and the table
  bool operator>(const Entry& other) const { return due_ns > other.due_ns; }
};

Point SyntheticPoint(const char* name, const char* unit, double value, int64_t time_ns) {
  Point point;
  point.metric = name;
  point.unit = unit;
  point.value = value;
  point.time_ns = time_ns;
  return point;
}

// What a pull came to, for the status.
struct Outcome {
  uint64_t samples = 0;
  std::string error;
};

class WorkerPool : public Scraper {
 public:
  WorkerPool(ScrapeConfig config, ScraperOptions options, ScrapeSink* sink)
      : config_(std::move(config)),
        options_(std::move(options)),
        sink_(sink),
        discovery_(config_, options_.max_targets) {
    if (!options_.wall_clock_ns) options_.wall_clock_ns = WallClockNs;
    Discover();
    int64_t refresh_ns = discovery_.refresh_interval_ns();
    if (refresh_ns > 0) queue_.push({SteadyClockNs() + refresh_ns, Work::kDiscovery, nullptr});
    for (int i = 0; i < std::max(1, options_.threads); ++i)
      threads_.emplace_back([this] { RunWorker(); });
  }

  ~WorkerPool() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  std::vector<ScrapeStatus> Statuses() const override {
    std::vector<std::shared_ptr<TargetState>> states;
    {
      std::lock_guard lock(mutex_);
      for (const auto& [key, state] : states_) states.push_back(state);
    }
    std::vector<ScrapeStatus> statuses;
    for (const auto& state : states) {
      std::lock_guard lock(state->mutex);
      if (state->target.job->metrics) statuses.push_back(state->metrics);
      if (state->target.job->heap.enabled) statuses.push_back(state->profile);
    }
    return statuses;
  }

  ScraperStats stats() const override {
    std::lock_guard lock(mutex_);
    ScraperStats stats = stats_;
    stats.targets = states_.size();
    return stats;
  }

 private:
  void RunWorker() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (queue_.empty()) {
        wake_.wait(lock);
        continue;
      }
      int64_t wait_ns = queue_.top().due_ns - SteadyClockNs();
      if (wait_ns > 0) {
        wake_.wait_for(lock, std::chrono::nanoseconds(wait_ns));
        continue;
      }
      Entry entry = queue_.top();
      queue_.pop();
      lock.unlock();
      bool again = Run(&entry);
      lock.lock();
      if (again && !(entry.state && entry.state->gone)) {
        queue_.push(std::move(entry));
        wake_.notify_one();
      }
    }
  }

  // Does an entry's work and sets when it is due next; false when it is not.
  bool Run(Entry* entry) {
    if (entry->work == Work::kDiscovery) {
      Discover();
      entry->due_ns = SteadyClockNs() + discovery_.refresh_interval_ns();
      return true;
    }
    TargetState& state = *entry->state;
    if (state.gone) return false;
    bool profile = entry->work == Work::kProfile;
    int64_t interval_ns = IntervalOf(state.target, entry->work);
    int64_t start_ns = SteadyClockNs();
    bool late = start_ns - entry->due_ns > interval_ns;
    int64_t event_time_ns = options_.wall_clock_ns();
    Outcome outcome =
        profile ? RunProfile(&state, event_time_ns) : RunMetrics(&state, event_time_ns, start_ns);
    if (stopping_) return false;
    uint64_t failures = Record(&state, profile, event_time_ns, SteadyClockNs() - start_ns, outcome);
    Count(outcome, profile, late);
    entry->due_ns =
        NextPullNs(HashOf(state.target, entry->work), interval_ns, failures, SteadyClockNs());
    return true;
  }

  Outcome RunMetrics(TargetState* state, int64_t event_time_ns, int64_t start_ns) {
    std::string version = VersionOf(state);
    auto pulled =
        PullMetrics(state->target, version, event_time_ns, {options_.keep_metric, &stopping_});
    if (stopping_) return {};
    double seconds = static_cast<double>(SteadyClockNs() - start_ns) / 1e9;
    MetricBatch own;
    Outcome outcome;
    if (pulled) {
      outcome.samples = pulled->samples;
      if (!pulled->version.empty()) {
        std::lock_guard lock(state->mutex);
        state->version = pulled->version;
      }
      own = std::move(pulled->page.batches[0]);
    } else {
      outcome.error = pulled.error().message;
      own.resource = ResourceOf(state);
    }
    own.points.push_back(SyntheticPoint("up", "1", pulled ? 1 : 0, event_time_ns));
    own.points.push_back(SyntheticPoint("scrape_duration_seconds", "s", seconds, event_time_ns));
    if (pulled) {
      auto samples = static_cast<double>(outcome.samples);
      own.points.push_back(SyntheticPoint("scrape_samples_scraped", "1", samples, event_time_ns));
    }
    sink_->OnMetrics(std::move(own));
    for (size_t i = 1; pulled && i < pulled->page.batches.size(); ++i) {
      sink_->OnMetrics(std::move(pulled->page.batches[i]));
    }
    return outcome;
  }

  Outcome RunProfile(TargetState* state, int64_t event_time_ns) {
    auto bytes = PullProfile(state->target.pprof_url, state->target.timeout_ns, &stopping_);
    if (stopping_) return {};
    if (!bytes) return {0, bytes.error().message};
    auto profile = DecodeProfile(*bytes);
    if (!profile) return {0, state->target.pprof_url + ": " + profile.error().message};
    if (profile->time_ns <= 0) profile->time_ns = event_time_ns;
    Outcome outcome{profile->samples.size(), ""};
    sink_->OnProfile({ResourceOf(state), std::move(*profile)});
    return outcome;
  }

  uint64_t Record(TargetState* state, bool profile, int64_t event_time_ns, int64_t duration_ns,
                  const Outcome& outcome) {
    Resource resource = ResourceOf(state);
    std::lock_guard lock(state->mutex);
    ScrapeStatus& status = profile ? state->profile : state->metrics;
    status.resource = std::move(resource);
    status.last_pull_ns = event_time_ns;
    status.duration_ns = duration_ns;
    status.samples = outcome.samples;
    status.error = outcome.error;
    status.failures = outcome.error.empty() ? 0 : status.failures + 1;
    return status.failures;
  }

  void Count(const Outcome& outcome, bool profile, bool late) {
    std::lock_guard lock(mutex_);
    ++stats_.pulls;
    if (late) ++stats_.late_pulls;
    if (!outcome.error.empty()) {
      ++stats_.failed_pulls;
    } else if (profile) {
      ++stats_.profiles;
    } else {
      stats_.samples += outcome.samples;
    }
  }

  // One thread at a time: the constructor, then whoever holds the one discovery entry.
  void Discover() {
    DiscoveryResult found = discovery_.Refresh();
    std::lock_guard lock(mutex_);
    std::map<std::string, std::shared_ptr<TargetState>> states;
    for (ScrapeTarget& target : found.targets) {
      std::string key = target.Key();
      auto known = states_.find(key);
      if (known != states_.end()) {
        states.insert(states_.extract(known));
      } else {
        states.emplace(std::move(key), AddTarget(std::move(target)));
      }
    }
    for (auto& [key, state] : states_) state->gone = true;
    if (!states_.empty()) ForgetGoneEntries();
    states_ = std::move(states);
    stats_.dropped_targets = found.dropped;
    stats_.targets_over_limit = found.over_limit;
    stats_.discovery_errors = std::move(found.errors);
    if (stats_.discovery_errors.size() > kMaxReportedErrors)
      stats_.discovery_errors.resize(kMaxReportedErrors);
    wake_.notify_all();
  }

  // mutex_ is held. Targets that come and go must not fill the queue until they are due.
  void ForgetGoneEntries() {
    decltype(queue_) kept;
    for (; !queue_.empty(); queue_.pop()) {
      if (!queue_.top().state || !queue_.top().state->gone) kept.push(queue_.top());
    }
    queue_ = std::move(kept);
  }

  // mutex_ is held.
  std::shared_ptr<TargetState> AddTarget(ScrapeTarget target) {
    auto state = std::make_shared<TargetState>();
    state->target = std::move(target);
    const ScrapeTarget& t = state->target;
    state->metrics.job = state->profile.job = t.job->name;
    state->metrics.resource = state->profile.resource = t.resource;
    state->metrics.url = t.metrics_url;
    state->profile.url = t.pprof_url;
    state->profile.profile = true;
    int64_t now_ns = SteadyClockNs();
    int64_t first_ns = NextPullNs(HashOf(t, Work::kMetrics), t.interval_ns, 0, now_ns);
    if (t.job->metrics) queue_.push({first_ns, Work::kMetrics, state});
    if (t.job->heap.enabled) {
      int64_t profile_ns =
          NextPullNs(HashOf(t, Work::kProfile), IntervalOf(t, Work::kProfile), 0, now_ns);
      if (t.job->metrics && t.resource.target.version.empty()) {
        profile_ns = std::max(profile_ns, first_ns + kProfileHeadStartNs);
      }
      queue_.push({profile_ns, Work::kProfile, state});
    }
    return state;
  }

  static int64_t IntervalOf(const ScrapeTarget& target, Work work) {
    return work == Work::kProfile ? target.job->heap.interval_ns : target.interval_ns;
  }
  static uint64_t HashOf(const ScrapeTarget& target, Work work) {
    return Hash64(target.Key(), static_cast<uint64_t>(work));
  }

  static std::string VersionOf(TargetState* state) {
    std::lock_guard lock(state->mutex);
    return state->version;
  }
  static Resource ResourceOf(TargetState* state) {
    Resource resource = state->target.resource;
    if (resource.target.version.empty()) resource.target.version = VersionOf(state);
    return resource;
  }

  const ScrapeConfig config_;
  ScraperOptions options_;
  ScrapeSink* sink_;
  Discovery discovery_;
  std::atomic<bool> stopping_{false};

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>>
      queue_;                                                   // at most 2 entries a target, and 1
  std::map<std::string, std::shared_ptr<TargetState>> states_;  // by key, at most max_targets
  ScraperStats stats_;

  std::vector<std::thread> threads_;
};

}  // namespace

std::unique_ptr<Scraper> Scraper::Start(ScrapeConfig config, ScraperOptions options,
                                        ScrapeSink* sink) {
  return std::make_unique<WorkerPool>(std::move(config), std::move(options), sink);
}

}  // namespace tidemark
