// What to scrape: `global` and `scrape_configs` of the server's configuration file, in Prometheus'
// own shape, so that a working Prometheus file can be pasted. Described for users in
// docs/formats/scrape-config.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/target.h"
#include "net/url.h"
#include "scrape/relabel.h"

namespace tidemark {

struct StaticTargets {
  std::vector<std::string> targets;  // host:port
  Attributes labels;
};

struct FileTargets {
  std::vector<std::string>
      files;  // paths or globs, made absolute against the configuration's folder
  int64_t refresh_interval_ns = 300'000'000'000;
};

// Heap profiles from Go-style endpoints; the shape is Parca's (profiling_config: pprof_config:
// memory).
struct HeapPull {
  bool enabled = false;
  std::string path = "/debug/pprof/heap";  // may have a query
  int64_t interval_ns = 0;                 // the job's scrape_interval unless set
};

// Heap dumps, one when an incident of the target opens (profiling_config: heap_dump).
struct HeapDumpPull {
  bool enabled = false;
  std::string path = "/debug/heapdump";  // may have a query
  std::string executable;                // a Go program's file here, which names its globals; or ""
};

struct ScrapeJob {
  std::string name;
  int64_t interval_ns = 60'000'000'000;
  int64_t timeout_ns = 10'000'000'000;  // at most the interval
  bool metrics = true;                  // false: profiles only
  std::string metrics_path = "/metrics";
  std::string scheme = "http";
  QueryParameters params;
  bool honor_labels = false;
  bool honor_timestamps = true;
  uint64_t sample_limit =
      0;                     // of one page after metric_relabel_configs; 0 = the parser's own limit
  uint64_t label_limit = 0;  // labels of one sample; 0 = the parser's own limit
  size_t body_size_limit = 64 << 20;  // as sent and as inflated
  std::vector<StaticTargets> static_targets;
  std::vector<FileTargets> file_targets;
  std::vector<RelabelRule> relabel_rules;
  std::vector<RelabelRule> metric_relabel_rules;
  HeapPull heap;
  HeapDumpPull heap_dump;
};

struct ScrapeConfig {
  std::vector<ScrapeJob> jobs;
};

// Reads the document `text`, of which other top-level keys belong to others. `file` names it in
// errors and is where relative paths start. Errors: invalid argument "FILE:LINE: KEY ..." for
// unknown keys, wrong values, keys of Prometheus that we do not support, jobs of the same name;
// resource exhausted above 4 MiB.
Result<ScrapeConfig> ParseScrapeConfig(const std::string& text, const std::string& file);

}  // namespace tidemark
