// Pulls all targets of a configuration, over and over: metrics pages and heap profiles, spread over
// the interval, with timeouts, and less often while they fail.
//
//   discovery (static, files) --> targets --> queue by due time --> workers --> ScrapeSink
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/point.h"
#include "model/profile.h"
#include "scrape/config.h"
#include "scrape/pull.h"

namespace tidemark {

// Takes what was pulled. Called from several threads at once; a slow sink delays the pulls, nothing
// queues up.
class ScrapeSink {
 public:
  virtual ~ScrapeSink() = default;
  // Besides the target's own points: `up` (1 or 0), `scrape_duration_seconds`,
  // `scrape_samples_scraped`. A failed pull gives `up` 0 and the duration only.
  virtual void OnMetrics(MetricBatch batch) = 0;
  virtual void OnProfile(ProfileBatch batch) = 0;
};

struct ScraperOptions {
  int threads = 4;
  size_t max_targets = 10'000;  // more are left out, counted
  std::function<bool(std::string_view metric)>
      keep_metric;                         // all when empty; see TextOptions::keep
  std::function<int64_t()> wall_clock_ns;  // event time of pulls; WallClockNs when empty
};

// One target's last pull, of its metrics or of its profile.
struct ScrapeStatus {
  std::string job, url;
  bool profile = false;
  Resource resource;
  int64_t last_pull_ns = 0;  // event time; 0 = not yet
  int64_t duration_ns = 0;
  uint64_t samples = 0;
  uint64_t failures = 0;  // in a row; 0 = up, once pulled
  std::string error;      // of the last pull, "" when it worked
};

struct ScraperStats {
  uint64_t targets = 0, dropped_targets = 0, targets_over_limit = 0;
  uint64_t pulls = 0, failed_pulls = 0, samples = 0, profiles = 0;
  uint64_t late_pulls =
      0;  // began more than an interval after they were due: more threads are needed
  std::vector<std::string> discovery_errors;  // of the last refresh, at most 20
};

// Any thread may call.
class Scraper {
 public:
  // Begins at once. `sink` must outlive the scraper.
  static std::unique_ptr<Scraper> Start(ScrapeConfig config, ScraperOptions options,
                                        ScrapeSink* sink);
  virtual ~Scraper() = default;  // cancels pulls in progress and joins the threads
  virtual std::vector<ScrapeStatus> Statuses() const = 0;
  virtual ScraperStats stats() const = 0;
};

}  // namespace tidemark
