#include "scrape/config.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "scrape/labels.h"
#include "scrape/yaml_reader.h"

namespace tidemark {
namespace {

constexpr size_t kMaxConfigBytes = 4 << 20;
constexpr size_t kMaxJobs = 10'000;

// Keys of Prometheus' scrape_config that would change what is scraped or how, and that we do not
// do.
const std::vector<std::string> kUnsupportedKeys = {
    "kubernetes_sd_configs",
    "http_sd_configs",
    "dns_sd_configs",
    "consul_sd_configs",
    "ec2_sd_configs",
    "gce_sd_configs",
    "azure_sd_configs",
    "docker_sd_configs",
    "dockerswarm_sd_configs",
    "nomad_sd_configs",
    "openstack_sd_configs",
    "digitalocean_sd_configs",
    "eureka_sd_configs",
    "hetzner_sd_configs",
    "ionos_sd_configs",
    "kuma_sd_configs",
    "lightsail_sd_configs",
    "linode_sd_configs",
    "marathon_sd_configs",
    "nerve_sd_configs",
    "ovhcloud_sd_configs",
    "puppetdb_sd_configs",
    "scaleway_sd_configs",
    "serverset_sd_configs",
    "stackit_sd_configs",
    "triton_sd_configs",
    "uyuni_sd_configs",
    "vultr_sd_configs",
    "basic_auth",
    "authorization",
    "oauth2",
    "sigv4",
    "azuread",
    "google_iam",
    "tls_config",
    "http_headers",
    "proxy_url",
    "no_proxy",
    "proxy_from_environment",
    "proxy_connect_header",
    "target_limit",
    "label_name_length_limit",
    "label_value_length_limit",
    "fallback_scrape_protocol",
    "scrape_protocols",
    "metric_name_validation_scheme",
    "metric_name_escaping_scheme",
    "scrape_failure_log_file",
    "native_histogram_bucket_limit",
    "native_histogram_min_bucket_factor",
    "scrape_classic_histograms",
    "always_scrape_classic_histograms",
    "convert_classic_histograms_to_nhcb",
    "scrape_native_histograms",
};
// Keys that change nothing for us: redirects and HTTP/2 are never used, gzip always asked for.
const std::vector<std::string> kHarmlessKeys = {"follow_redirects", "enable_http2",
                                                "enable_compression", "keep_dropped_targets",
                                                "track_timestamps_staleness"};

struct Defaults {
  int64_t interval_ns = 60'000'000'000;
  int64_t timeout_ns = 10'000'000'000;
  uint64_t sample_limit = 0;
  uint64_t label_limit = 0;
  size_t body_size_limit = 64 << 20;
};

Defaults ReadGlobal(const YAML::Node& node, YamlProblems* problems) {
  Defaults defaults;
  YamlMap map(node, "global", problems);
  map.DurationNs("scrape_interval", &defaults.interval_ns);
  map.DurationNs("scrape_timeout", &defaults.timeout_ns);
  map.Unsigned("sample_limit", &defaults.sample_limit);
  map.Unsigned("label_limit", &defaults.label_limit);
  map.Bytes("body_size_limit", &defaults.body_size_limit);
  map.Ignore({"evaluation_interval", "rule_query_offset", "query_log_file", "external_labels"});
  map.Ignore(kHarmlessKeys);
  map.RefuseUnsupported(kUnsupportedKeys);
  map.Finish();
  return defaults;
}

void CheckLabels(const YAML::Node& node, const std::string& place, const Attributes& labels,
                 YamlProblems* problems) {
  for (const auto& [name, value] : labels) {
    if (!IsLabelName(name)) problems->Report(node, place + ": '" + name + "' is not a label name");
  }
}

StaticTargets ReadStatic(const YAML::Node& node, const std::string& place, YamlProblems* problems) {
  StaticTargets group;
  YamlMap map(node, place, problems);
  map.Strings("targets", &group.targets);
  map.StringMap("labels", &group.labels);
  map.Finish();
  CheckLabels(node, place + ".labels", group.labels, problems);
  return group;
}

FileTargets ReadFile(const YAML::Node& node, const std::string& place,
                     const std::filesystem::path& folder, YamlProblems* problems) {
  FileTargets files;
  YamlMap map(node, place, problems);
  std::vector<std::string> patterns;
  map.Strings("files", &patterns);
  map.DurationNs("refresh_interval", &files.refresh_interval_ns);
  map.Finish();
  if (patterns.empty()) problems->Report(node, place + ".files is empty");
  for (const std::string& pattern : patterns) {
    std::string ending = std::filesystem::path(pattern).extension();
    if (ending != ".json" && ending != ".yml" && ending != ".yaml") {
      problems->Report(node,
                       place + ".files: '" + pattern + "' ends in none of .json, .yml, .yaml");
    }
    files.files.push_back((folder / pattern).lexically_normal());
  }
  return files;
}

void ReadRules(YamlMap* job, const std::string& key, std::vector<RelabelRule>* rules,
               YamlProblems* problems) {
  job->Each(key, [&](const YAML::Node& node, const std::string& place) {
    RelabelSpec spec;
    std::string action = "replace";
    YamlMap map(node, place, problems);
    map.String("action", &action);
    map.Strings("source_labels", &spec.source_labels);
    map.String("separator", &spec.separator);
    map.String("regex", &spec.regex);
    map.Unsigned("modulus", &spec.modulus);
    map.String("target_label", &spec.target_label);
    map.String("replacement", &spec.replacement);
    map.Finish();
    auto parsed = ParseRelabelAction(action);
    if (!parsed) return problems->Report(node, place + ": " + parsed.error().message);
    spec.action = *parsed;
    auto rule = RelabelRule::Create(std::move(spec));
    if (!rule) return problems->Report(node, place + ": " + rule.error().message);
    rules->push_back(std::move(*rule));
  });
}

// An endpoint to pull from: `enabled` and `path`, behind the configuration's path_prefix.
void ReadEndpoint(YamlMap* map, const std::string& prefix, bool* enabled, std::string* path) {
  map->Bool("enabled", enabled);
  map->String("path", path);
  *path = prefix + *path;
  if ((*path)[0] != '/') map->Report("path", "does not begin with '/'");
}

void ReadHeapDump(YamlMap* profiling, const std::string& prefix,
                  const std::filesystem::path& folder, HeapDumpPull* dump, YamlProblems* problems) {
  dump->enabled = profiling->Has("heap_dump");
  YamlMap map(profiling->Child("heap_dump"), profiling->PlaceOf("heap_dump"), problems);
  ReadEndpoint(&map, prefix, &dump->enabled, &dump->path);
  map.String("executable", &dump->executable);
  if (!dump->executable.empty()) dump->executable = (folder / dump->executable).lexically_normal();
  map.Finish();
}

void ReadProfiling(const YAML::Node& node, const std::string& place,
                   const std::filesystem::path& folder, ScrapeJob* job, YamlProblems* problems) {
  if (!node.IsDefined()) return;
  std::string prefix;
  YamlMap map(node, place, problems);
  map.String("path_prefix", &prefix);
  map.DurationNs("scrape_interval", &job->heap.interval_ns);
  ReadHeapDump(&map, prefix, folder, &job->heap_dump, problems);
  // Who asks for heap dumps alone (a JVM) serves no profile.
  job->heap.enabled = map.Has("pprof_config") || !map.Has("heap_dump");
  YamlMap kinds(map.Child("pprof_config"), map.PlaceOf("pprof_config"), problems);
  YamlMap memory(kinds.Child("memory"), kinds.PlaceOf("memory"), problems);
  ReadEndpoint(&memory, prefix, &job->heap.enabled, &job->heap.path);
  memory.Finish();
  // Other kinds may stand there switched off, as Parca's documentation suggests.
  for (const char* kind :
       {"block", "goroutine", "mutex", "process_cpu", "threadcreate", "fgprof"}) {
    bool enabled = false;
    YamlMap other(kinds.Child(kind), kinds.PlaceOf(kind), problems);
    other.Bool("enabled", &enabled);
    other.Ignore({"path", "delta", "seconds"});
    other.Finish();
    if (enabled)
      problems->Report(
          node, kinds.PlaceOf(kind) + " is not supported yet: only memory profiles are pulled");
  }
  kinds.Finish();
  map.Finish();
}

void ReadParams(YamlMap* job, QueryParameters* params, YamlProblems* problems) {
  YAML::Node node = job->Child("params");
  if (!node.IsDefined()) return;
  if (!node.IsMap()) return job->Report("params", "wants a mapping of lists");
  YamlMap map(node, job->PlaceOf("params"), problems);
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) return job->Report("params", "wants a mapping of lists");
    std::vector<std::string> values;
    map.Strings(entry.first.Scalar(), &values);
    for (std::string& value : values) params->emplace_back(entry.first.Scalar(), std::move(value));
  }
}

void CheckJob(const ScrapeJob& job, YamlMap* map) {
  if (job.name.empty()) map->Report("job_name", "is missing");
  if (job.timeout_ns > job.interval_ns)
    map->Report("scrape_timeout", "is longer than the scrape_interval");
  if (job.scheme == "https") {
    map->Report("scheme", "https is not supported yet");
  } else if (job.scheme != "http") {
    map->Report("scheme", "wants http, got '" + job.scheme + "'");
  }
  if (job.metrics_path.empty() || job.metrics_path[0] != '/')
    map->Report("metrics_path", "does not begin with '/'");
  if (!job.metrics && !job.heap.enabled)
    map->Report("scrape_metrics", "is false and no profile is pulled (profiling_config)");
}

ScrapeJob ReadJob(const YAML::Node& node, const std::string& place, const Defaults& defaults,
                  const std::filesystem::path& folder, YamlProblems* problems) {
  ScrapeJob job;
  YamlMap map(node, place, problems);
  map.String("job_name", &job.name);
  job.interval_ns = defaults.interval_ns;
  map.DurationNs("scrape_interval", &job.interval_ns);
  job.timeout_ns = std::min(defaults.timeout_ns, job.interval_ns);
  map.DurationNs("scrape_timeout", &job.timeout_ns);
  map.Bool("scrape_metrics", &job.metrics);
  map.String("metrics_path", &job.metrics_path);
  map.String("scheme", &job.scheme);
  map.Bool("honor_labels", &job.honor_labels);
  map.Bool("honor_timestamps", &job.honor_timestamps);
  job.sample_limit = defaults.sample_limit;
  map.Unsigned("sample_limit", &job.sample_limit);
  job.label_limit = defaults.label_limit;
  map.Unsigned("label_limit", &job.label_limit);
  job.body_size_limit = defaults.body_size_limit;
  map.Bytes("body_size_limit", &job.body_size_limit);
  if (job.body_size_limit == 0)
    job.body_size_limit = Defaults().body_size_limit;  // "no limit" in Prometheus
  ReadParams(&map, &job.params, problems);
  map.Each("static_configs", [&](const YAML::Node& entry, const std::string& where) {
    job.static_targets.push_back(ReadStatic(entry, where, problems));
  });
  map.Each("file_sd_configs", [&](const YAML::Node& entry, const std::string& where) {
    job.file_targets.push_back(ReadFile(entry, where, folder, problems));
  });
  ReadRules(&map, "relabel_configs", &job.relabel_rules, problems);
  ReadRules(&map, "metric_relabel_configs", &job.metric_relabel_rules, problems);
  ReadProfiling(map.Child("profiling_config"), map.PlaceOf("profiling_config"), folder, &job,
                problems);
  if (job.heap.interval_ns == 0) job.heap.interval_ns = job.interval_ns;
  map.Ignore(kHarmlessKeys);
  map.RefuseUnsupported(kUnsupportedKeys);
  map.Finish();
  CheckJob(job, &map);
  return job;
}

Result<ScrapeConfig> ReadDocument(const YAML::Node& document, const std::string& file) {
  YamlProblems problems(file);
  ScrapeConfig config;
  YamlMap map(document, "", &problems);
  Defaults defaults = ReadGlobal(map.Child("global"), &problems);
  std::filesystem::path folder = std::filesystem::absolute(file).parent_path();
  std::set<std::string> names;
  map.Each("scrape_configs", [&](const YAML::Node& node, const std::string& place) {
    if (problems.any()) return;
    config.jobs.push_back(ReadJob(node, place, defaults, folder, &problems));
    const std::string& name = config.jobs.back().name;
    if (!names.insert(name).second) problems.Report(node, "two jobs are named '" + name + "'");
    if (config.jobs.size() > kMaxJobs) problems.Report(node, "more than 10000 jobs");
  });
  if (problems.any()) return problems.error();
  return config;
}

}  // namespace

Result<ScrapeConfig> ParseScrapeConfig(const std::string& text, const std::string& file) {
  TIDEMARK_ASSIGN_OR_RETURN(YAML::Node document, LoadYaml(text, file, kMaxConfigBytes));
  try {
    return ReadDocument(document, file);
  } catch (const std::exception& e) {
    return InvalidArgument(file + ": " + e.what());
  }
}

}  // namespace tidemark
