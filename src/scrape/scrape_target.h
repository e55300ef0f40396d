// From discovered labels to something that can be pulled: Prometheus' target rules
// (scrape/target.go of prometheus/prometheus), and who the target is in our words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/target.h"
#include "scrape/config.h"

namespace tidemark {

// Where later captures pull a heap profile from; set on every target whose job has
// profiling_config.
inline constexpr char kPprofUrlAttribute[] = "tidemark.pprof.url";
// The same for a heap dump, and the file of the program.
inline constexpr char kHeapDumpUrlAttribute[] = "tidemark.heap_dump.url";
inline constexpr char kHeapDumpExecutableAttribute[] = "tidemark.heap_dump.executable";

struct ScrapeTarget {
  const ScrapeJob* job = nullptr;  // of the configuration, which outlives the target
  std::string address;             // host:port
  Attributes labels;               // what the target's series carry; job and instance among them
  std::string metrics_url;
  std::string pprof_url;      // "" without profiling
  std::string heap_dump_url;  // "" without
  int64_t interval_ns = 0;
  int64_t timeout_ns = 0;
  Resource resource;  // version "" until labels or a target_info say it

  // Equal for the same target in every refresh.
  std::string Key() const;
};

// Applies defaults and the job's relabel_configs to discovered labels (`__address__`, the group's
// labels, `__meta_*`). Nothing when a rule drops the target. Errors: invalid argument naming job
// and address, for an empty or malformed address, scheme, interval or timeout.
Result<std::optional<ScrapeTarget>> MakeTarget(const ScrapeJob& job, Attributes discovered);

// "shop/checkout" is service checkout in namespace shop.
Target TargetOfLabels(const Attributes& labels);

}  // namespace tidemark
