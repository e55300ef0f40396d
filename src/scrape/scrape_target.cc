#include "scrape/scrape_target.h"

#include "base/time.h"
#include "scrape/labels.h"

namespace tidemark {
namespace {

constexpr std::string_view kParamPrefix = "__param_";

std::string DurationText(int64_t ns) {
  return ns % 1'000'000'000 == 0 ? std::to_string(ns / 1'000'000'000) + "s"
                                 : std::to_string(ns / 1'000'000) + "ms";
}

void SetDefault(Attributes* labels, std::string_view name, const std::string& value) {
  if (LabelOr(*labels, name).empty()) SetLabel(labels, name, value);
}

void AddDefaults(const ScrapeJob& job, Attributes* labels) {
  SetDefault(labels, "job", job.name);
  SetDefault(labels, "__scheme__", job.scheme);
  SetDefault(labels, "__metrics_path__", job.metrics_path);
  SetDefault(labels, "__scrape_interval__", DurationText(job.interval_ns));
  SetDefault(labels, "__scrape_timeout__", DurationText(job.timeout_ns));
  for (const auto& [name, value] : job.params)
    SetDefault(labels, std::string(kParamPrefix) + name, value);
}

// The job's parameters; the first of each name comes from its label, which rules may have changed.
QueryParameters ParamsOf(const ScrapeJob& job, const Attributes& labels) {
  QueryParameters params;
  for (const auto& [name, value] : labels) {
    if (name.starts_with(kParamPrefix))
      params.emplace_back(name.substr(kParamPrefix.size()), value);
  }
  std::string last;
  for (const auto& [name, value] : job.params) {
    if (name == last) params.emplace_back(name, value);
    last = name;
  }
  return params;
}

Result<void> ReadTimes(const Attributes& labels, ScrapeTarget* target) {
  TIDEMARK_ASSIGN_OR_RETURN(target->interval_ns,
                            ParseDuration(LabelOr(labels, "__scrape_interval__")));
  TIDEMARK_ASSIGN_OR_RETURN(target->timeout_ns,
                            ParseDuration(LabelOr(labels, "__scrape_timeout__")));
  if (target->interval_ns <= 0 || target->timeout_ns <= 0)
    return InvalidArgument("an interval or timeout of 0");
  if (target->timeout_ns > target->interval_ns)
    return InvalidArgument("a timeout longer than the interval");
  return {};
}

Result<void> Fill(const ScrapeJob& job, const Attributes& labels, ScrapeTarget* target) {
  target->address = LabelOr(labels, kAddressLabel);
  if (target->address.empty()) return InvalidArgument("no address");
  TIDEMARK_RETURN_IF_ERROR(ReadTimes(labels, target));
  std::string base = std::string(LabelOr(labels, "__scheme__")) + "://" + target->address;
  std::string path(LabelOr(labels, "__metrics_path__"));
  if (path.empty() || path[0] != '/') path.insert(0, "/");
  std::string query = EncodeQuery(ParamsOf(job, labels));
  target->metrics_url =
      base + path +
      (query.empty() ? "" : (path.find('?') == std::string::npos ? "?" : "&") + query);
  TIDEMARK_ASSIGN_OR_RETURN(Url url, ParseUrl(target->metrics_url));
  if (url.authority != target->address)
    return InvalidArgument("'" + target->address + "' is not host:port");
  if (job.heap.enabled) target->pprof_url = base + job.heap.path;
  if (job.heap_dump.enabled) target->heap_dump_url = base + job.heap_dump.path;
  return {};
}

}  // namespace

std::string ScrapeTarget::Key() const {
  return metrics_url + "\n" + pprof_url + "\n" + heap_dump_url + "\n" + CanonicalText(labels);
}

Target TargetOfLabels(const Attributes& labels) {
  Target target;
  std::string_view job = LabelOr(labels, "job");
  size_t slash = job.find('/');
  if (slash != std::string_view::npos && slash > 0 && slash + 1 < job.size()) {
    target.service_namespace = job.substr(0, slash);
    job.remove_prefix(slash + 1);
  }
  target.service = job;
  target.instance = LabelOr(labels, "instance");
  target.version = LabelOr(labels, "version");
  if (target.version.empty()) target.version = LabelOr(labels, "service_version");
  return target;
}

Result<std::optional<ScrapeTarget>> MakeTarget(const ScrapeJob& job, Attributes discovered) {
  std::string discovered_address(LabelOr(discovered, kAddressLabel));
  AddDefaults(job, &discovered);
  if (!Relabel(job.relabel_rules, &discovered)) return std::optional<ScrapeTarget>();
  ScrapeTarget target;
  target.job = &job;
  if (auto filled = Fill(job, discovered, &target); !filled) {
    return InvalidArgument("job '" + job.name + "', target '" + discovered_address +
                           "': " + filled.error().message);
  }
  SetDefault(&discovered, "instance", target.address);
  for (auto& label : discovered) {
    if (!label.first.starts_with("__")) target.labels.push_back(std::move(label));
  }
  target.resource.target = TargetOfLabels(target.labels);
  target.resource.attributes = target.labels;
  if (!target.pprof_url.empty())
    SetLabel(&target.resource.attributes, kPprofUrlAttribute, target.pprof_url);
  if (!target.heap_dump_url.empty())
    SetLabel(&target.resource.attributes, kHeapDumpUrlAttribute, target.heap_dump_url);
  if (job.heap_dump.enabled && !job.heap_dump.executable.empty())
    SetLabel(&target.resource.attributes, kHeapDumpExecutableAttribute, job.heap_dump.executable);
  return std::optional<ScrapeTarget>(std::move(target));
}

}  // namespace tidemark
