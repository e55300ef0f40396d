// Which targets there are: static lists, and files that are read again and again (file_sd_configs).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "scrape/config.h"
#include "scrape/scrape_target.h"

namespace tidemark {

inline constexpr size_t kMaxTargetFileBytes = 8 << 20;
inline constexpr size_t kMaxFilesPerJob = 1000;

// Reads a list of groups {targets: [host:port], labels: {}}; JSON when the name ends in .json, else
// YAML. Errors: invalid argument naming file and place, for unknown keys too; resource exhausted
// above 8 MiB.
Result<std::vector<StaticTargets>> ParseTargetFile(const std::string& text,
                                                   const std::string& file);

struct DiscoveryResult {
  std::vector<ScrapeTarget> targets;  // each key once
  std::vector<std::string> errors;    // what could not be read or made into a target
  uint64_t dropped = 0;               // by relabel_configs
  uint64_t over_limit = 0;            // above max_targets
};

// Not for sharing between threads.
class Discovery {
 public:
  Discovery(const ScrapeConfig& config,
            size_t max_targets);  // `config` must outlive this and its results

  // Reads the files again. A file that cannot be read as a whole leaves its previous targets in
  // place; one that is gone takes them along.
  DiscoveryResult Refresh();

  // The shortest refresh_interval; 0 when nothing ever changes.
  int64_t refresh_interval_ns() const;

 private:
  void AddGroup(const ScrapeJob& job, const StaticTargets& group, const std::string& file,
                DiscoveryResult* result);
  void ReadFiles(const ScrapeJob& job, const FileTargets& files, DiscoveryResult* result);

  const ScrapeConfig& config_;
  size_t max_targets_;
  std::map<std::string, std::vector<StaticTargets>> last_good_;  // by file
};

}  // namespace tidemark
