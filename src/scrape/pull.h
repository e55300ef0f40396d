// One pull from a target, blocking.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "scrape/series.h"

namespace tidemark {

inline constexpr size_t kMaxProfileBytes = 128 << 20;  // as sent

struct PullOptions {
  std::function<bool(std::string_view metric)> keep_metric;  // see TextOptions::keep
  const std::atomic<bool>* cancelled = nullptr;
};

struct PulledPage {
  LabelledPage page;
  std::string version;   // from target_info, "" when the page has none
  uint64_t samples = 0;  // on the page
};

// Fetches and reads the target's metrics page. Points without a time of their own get
// `scrape_time_ns`. Errors: unavailable (no answer, or a status other than 200), invalid argument
// (the page), resource exhausted (a limit); each names the URL.
Result<PulledPage> PullMetrics(const ScrapeTarget& target, const std::string& version,
                               int64_t scrape_time_ns, const PullOptions& options);

// The bytes that a heap profile endpoint sends (gzipped pprof, mostly). For captures too. Errors:
// as above.
Result<std::string> PullProfile(const std::string& url, int64_t timeout_ns,
                                const std::atomic<bool>* cancelled = nullptr);

}  // namespace tidemark
