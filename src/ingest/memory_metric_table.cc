#include "ingest/memory_metric_table.h"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace tidemark {
namespace {

using Kind = AttributeRule::Kind;

constexpr auto kLive = Quality::kLive;
constexpr auto kSmoothed = Quality::kSmoothed;
constexpr auto kNoisy = Quality::kNoisy;

// Young pools are empty after a collection and have no limit of their own; other pools are not the
// heap.
constexpr std::string_view kNotOld =
    "Eden|Survivor|Young|Metaspace|CodeHeap|Code Cache|Compressed Class";
constexpr AttributeRule kHeapType = {Kind::kOneOf, "jvm.memory.type", "heap"};
constexpr AttributeRule kOldPool = {Kind::kLacks, "jvm.memory.pool.name", kNotOld};
constexpr AttributeRule kHeapType1x = {Kind::kOneOf, "type", "heap"};
constexpr AttributeRule kOldPool1x = {Kind::kLacks, "pool", kNotOld};
constexpr AttributeRule kHeapArea = {Kind::kOneOf, "area", "heap"};
constexpr AttributeRule kOldId = {Kind::kLacks, "id", kNotOld};
constexpr AttributeRule kOldNetGenerations = {Kind::kOneOf, "dotnet.gc.heap.generation",
                                              "gen2|loh|poh"};
constexpr AttributeRule kOldNetGenerations8 = {Kind::kOneOf, "generation", "gen2|loh|poh"};
constexpr AttributeRule kOldV8Spaces = {Kind::kOneOf, "v8js.heap.space.name",
                                        "old_space|large_object_space"};
constexpr AttributeRule kOldV8SpacesProm = {Kind::kOneOf, "space", "old|large_object"};
// Rows of the pod and of its pause container would count the memory twice.
constexpr AttributeRule kRealContainer = {Kind::kNoneOf, "container", "|POD"};
constexpr AttributeRule kMemoryResource = {Kind::kOneOf, "resource", "memory"};

constexpr MetricRow Level(std::string_view name, MetricUse use, Quality quality,
                          AttributeRule rule = {}, AttributeRule second = {}) {
  return {name, use, quality, {{rule, second}}};
}
constexpr MetricRow Heap(std::string_view name, Quality quality, AttributeRule rule = {},
                         AttributeRule second = {}) {
  return Level(name, MetricUse::kHeap, quality, rule, second);
}
constexpr MetricRow Rss(std::string_view name, Quality quality, AttributeRule rule = {}) {
  return Level(name, MetricUse::kRss, quality, rule);
}
constexpr MetricRow Limit(std::string_view name, AttributeRule rule = {},
                          AttributeRule second = {}) {
  return Level(name, MetricUse::kLimit, kLive, rule, second);
}
constexpr MetricRow Plain(std::string_view name, MetricUse use) { return {name, use}; }
constexpr MetricRow Aux(std::string_view name) { return {name, MetricUse::kAux}; }
constexpr MetricRow With(MetricFormula formula, MetricRow row) {
  row.formula = formula;
  return row;
}
constexpr MetricRow Input(std::string_view name, MetricInput input, AttributeRule rule = {}) {
  MetricRow row = {name, MetricUse::kInput, kLive, {{rule, {}}}};
  row.input = input;
  return row;
}
constexpr MetricRow PerContainer(MetricRow row) {
  row.per_container = true;
  return row;
}

// Sources: semconv = open-telemetry/semantic-conventions v1.44; contrib = the language's OTel
// contrib or instrumentation repository; the rest names the exporting library.
constexpr MetricRow kTable[] = {
    // Tidemark's own SDK and recorder (docs/formats/metrics.md).
    Heap("tidemark.heap.live", kLive),
    Heap("tidemark.allocator.in_use", kLive),
    Plain("tidemark.allocator.held", MetricUse::kReserved),
    Limit("tidemark.memory.limit"),
    Plain("tidemark.heap.allocated", MetricUse::kAllocated),
    Level("tidemark.spans.active", MetricUse::kActiveSpans, kLive),
    Aux("span_cache.size"),

    // Spans: semconv otel.sdk.*; the name of the story's exporter; requests in flight stand in for
    // them.
    Level("otel.sdk.span.live", MetricUse::kActiveSpans, kLive),
    Level("otel.span.active_count", MetricUse::kActiveSpans, kLive),
    Level("http.server.active_requests", MetricUse::kActiveSpans, kSmoothed),

    // Requests: semconv http (1.23 and before it), micrometer, client_golang's custom. Histograms
    // arrive as NAME.count.
    Plain("http.server.request.duration.count", MetricUse::kRequests),
    Plain("http.server.duration.count", MetricUse::kRequests),
    Plain("http_server_request_duration_seconds_count", MetricUse::kRequests),
    Plain("http_server_requests_seconds_count", MetricUse::kRequests),
    Plain("http_requests_total", MetricUse::kRequests),

    // Go, semconv; contrib instrumentation/runtime since 0.62.
    With(MetricFormula::kGoGoal, Heap("go.memory.gc.goal", kSmoothed)),
    Input("go.config.gogc", MetricInput::kGogcPercent),
    Input("go.memory.limit", MetricInput::kGoLimit),
    Limit("go.memory.limit"),
    Rss("go.memory.used",
        kNoisy),  // total less released, of all types: near resident, far from live
    Plain("go.memory.allocated", MetricUse::kAllocated),
    Plain("go.memory.allocations", MetricUse::kAllocated),
    Aux("go.memory.gc.cycles"),
    Aux("go.goroutine.count"),
    // Go, contrib instrumentation/runtime before 0.62 (runtime.MemStats).
    Heap("process.runtime.go.mem.heap_alloc", kNoisy),
    Heap("process.runtime.go.mem.heap_inuse", kNoisy),
    Plain("process.runtime.go.mem.heap_sys", MetricUse::kReserved),
    Aux("process.runtime.go.mem.heap_objects"),
    Aux("process.runtime.go.mem.live_objects"),
    Aux("process.runtime.go.goroutines"),
    Plain("process.runtime.go.gc.count", MetricUse::kAllocated),
    Plain("process.runtime.go.gc.pause_total_ns", MetricUse::kAllocated),
    Plain("runtime.uptime", MetricUse::kUptime),
    // Go, prometheus/client_golang.
    Heap("go_gc_heap_live_bytes", kLive),
    With(MetricFormula::kGoGoal, Heap("go_gc_heap_goal_bytes", kSmoothed)),
    With(MetricFormula::kGoGoal, Heap("go_memstats_next_gc_bytes", kSmoothed)),
    Input("go_gc_gogc_percent", MetricInput::kGogcPercent),
    Input("go_gc_gomemlimit_bytes", MetricInput::kGoLimit),
    Limit("go_gc_gomemlimit_bytes"),
    Heap("go_memstats_heap_alloc_bytes", kNoisy),
    Heap("go_memstats_alloc_bytes", kNoisy),
    Heap("go_memstats_heap_inuse_bytes", kNoisy),
    Plain("go_memstats_heap_sys_bytes", MetricUse::kReserved),
    Plain("go_memstats_sys_bytes", MetricUse::kReserved),
    Plain("go_memstats_alloc_bytes_total", MetricUse::kAllocated),
    Plain("go_memstats_mallocs_total", MetricUse::kAllocated),
    Aux("go_memstats_heap_objects"),
    Aux("go_memstats_stack_inuse_bytes"),
    Aux("go_goroutines"),
    Aux("go_threads"),

    // JVM, semconv; opentelemetry-java-instrumentation 2.x.
    Heap("jvm.memory.used_after_last_gc", kLive, kOldPool,
         {Kind::kNoneOf, "jvm.memory.type", "non_heap"}),
    Heap("jvm.memory.used", kNoisy, kHeapType),
    Limit("jvm.memory.limit", kHeapType, kOldPool),
    Plain("jvm.memory.committed", MetricUse::kReserved),
    Aux("jvm.buffer.memory.used"),
    Aux("jvm.buffer.memory.usage"),
    Aux("jvm.class.count"),
    Aux("jvm.thread.count"),
    // JVM, Java agent 1.x.
    Heap("process.runtime.jvm.memory.usage_after_last_gc", kLive, kOldPool1x,
         {Kind::kNoneOf, "type", "non_heap"}),
    Heap("process.runtime.jvm.memory.usage", kNoisy, kHeapType1x),
    Limit("process.runtime.jvm.memory.limit", kHeapType1x, kOldPool1x),
    Plain("process.runtime.jvm.memory.committed", MetricUse::kReserved),
    Aux("process.runtime.jvm.buffer.usage"),
    // JVM, JMX metric gatherer.
    Heap("jvm.memory.heap.used", kNoisy),
    Limit("jvm.memory.heap.max"),
    Plain("jvm.memory.heap.committed", MetricUse::kReserved),
    // JVM, prometheus/client_java 1.x and simpleclient 0.x, micrometer.
    Heap("jvm_gc_live_data_size_bytes", kLive),
    Heap("jvm_memory_pool_collection_used_bytes", kLive, kOldPool1x),
    Heap("jvm_memory_used_bytes", kNoisy, kHeapArea),
    Heap("jvm_memory_bytes_used", kNoisy, kHeapArea),
    Limit("jvm_gc_max_data_size_bytes"),
    Limit("jvm_memory_max_bytes", kHeapArea, kOldId),
    Limit("jvm_memory_bytes_max", kHeapArea),
    Plain("jvm_gc_memory_allocated_bytes_total", MetricUse::kAllocated),
    Plain("jvm_memory_committed_bytes", MetricUse::kReserved),
    Plain("jvm_memory_bytes_committed", MetricUse::kReserved),
    Aux("jvm_buffer_memory_used_bytes"),
    Aux("jvm_buffer_pool_used_bytes"),

    // Node.js, opentelemetry-js-contrib instrumentation-runtime-node.
    Heap("v8js.memory.heap.used", kSmoothed, kOldV8Spaces),
    Plain("v8js.memory.heap.limit",
          MetricUse::kReserved),  // the size of the space, never V8's limit
    Plain("v8js.memory.heap.space.size", MetricUse::kReserved),
    Aux("v8js.resource.active"),
    // Node.js, prom-client.
    Heap("nodejs_heap_space_size_used_bytes", kSmoothed, kOldV8SpacesProm),
    Heap("nodejs_heap_size_used_bytes", kNoisy),
    Plain("nodejs_heap_size_total_bytes", MetricUse::kReserved),
    Aux("nodejs_external_memory_bytes"),
    Aux("nodejs_active_handles_total"),

    // .NET, built in since 9.
    With(MetricFormula::kMinusFragmentation,
         Heap("dotnet.gc.last_collection.heap.size", kLive, kOldNetGenerations)),
    Input("dotnet.gc.last_collection.heap.fragmentation.size", MetricInput::kFragmentation,
          kOldNetGenerations),
    Plain("dotnet.gc.last_collection.memory.committed_size", MetricUse::kReserved),
    Plain("dotnet.gc.heap.total_allocated", MetricUse::kAllocated),
    Rss("dotnet.process.memory.working_set", kLive),
    // .NET, OpenTelemetry.Instrumentation.Runtime before 9; prometheus-net.
    With(MetricFormula::kMinusFragmentation,
         Heap("process.runtime.dotnet.gc.heap.size", kLive, kOldNetGenerations8)),
    Input("process.runtime.dotnet.gc.heap.fragmentation.size", MetricInput::kFragmentation,
          kOldNetGenerations8),
    Heap("process.runtime.dotnet.gc.objects.size", kNoisy),
    Plain("process.runtime.dotnet.gc.allocations.size", MetricUse::kAllocated),
    Plain("process.runtime.dotnet.gc.committed_memory.size", MetricUse::kReserved),
    Heap("dotnet_total_memory_bytes", kNoisy),
    Rss("process_working_set_bytes", kLive),

    // CPython offers its resident memory only; contrib system-metrics, prometheus/client_python.
    Rss("process.runtime.cpython.memory", kLive, {Kind::kOneOf, "type", "rss"}),
    Rss("process.runtime.pypy.memory", kLive, {Kind::kOneOf, "type", "rss"}),
    Aux("cpython.gc.uncollectable_objects"),
    Aux("python_gc_objects_uncollectable_total"),

    // Native allocators under their own property names: gperftools and tcmalloc, jemalloc.
    Heap("generic.current_allocated_bytes", kLive),
    Heap("tcmalloc.generic.current_allocated_bytes", kLive),
    Heap("stats.allocated", kLive),
    Heap("jemalloc.stats.allocated", kLive),
    Heap("jemalloc.allocated", kLive),
    Heap("stats.active", kSmoothed),
    Heap("jemalloc.stats.active", kSmoothed),
    Rss("generic.total_physical_bytes", kSmoothed),
    Rss("generic.physical_memory_used", kSmoothed),
    Rss("stats.resident", kSmoothed),
    Rss("jemalloc.stats.resident", kSmoothed),
    Rss("jemalloc.resident", kSmoothed),
    Plain("generic.heap_size", MetricUse::kReserved),
    Plain("stats.mapped", MetricUse::kReserved),

    // Process: semconv process.*, all Prometheus client libraries.
    Rss("process.memory.usage", kLive),
    Rss("process_resident_memory_bytes", kLive),
    Limit("process_virtual_memory_max_bytes"),
    Plain("process.memory.virtual", MetricUse::kReserved),
    Plain("process_virtual_memory_bytes", MetricUse::kReserved),
    Plain("process.uptime", MetricUse::kUptime),
    Plain("process_uptime_seconds", MetricUse::kUptime),
    Plain("process_start_time_seconds", MetricUse::kProcessStart),
    Aux("process.thread.count"),
    Aux("process.unix.file_descriptor.count"),
    Aux("process.open_file_descriptor.count"),

    // Container and pod: kubeletstats receiver. The working set is what eviction looks at, rss is
    // the better signal.
    Rss("container.memory.rss", kLive),
    Rss("k8s.pod.memory.rss", kLive),
    Rss("container.memory.working_set", kSmoothed),
    Rss("k8s.pod.memory.working_set", kSmoothed),
    Rss("container.memory.usage", kNoisy),
    Rss("k8s.pod.memory.usage", kNoisy),
    Input("container.memory.working_set", MetricInput::kWorkingSet),
    Input("k8s.pod.memory.working_set", MetricInput::kWorkingSet),
    With(MetricFormula::kPlusWorkingSet, Limit("container.memory.available")),
    With(MetricFormula::kPlusWorkingSet, Limit("k8s.pod.memory.available")),
    With(MetricFormula::kWorkingSetDivided, Limit("k8s.container.memory_limit_utilization")),
    With(MetricFormula::kWorkingSetDivided, Limit("k8s.pod.memory_limit_utilization")),
    // k8scluster receiver; semconv since 1.41.
    Limit("k8s.container.memory_limit"),
    Limit("k8s.container.memory.limit"),
    Limit("k8s.container.memory.limit.desired"),
    Limit("k8s.container.memory.limit.current"),
    Aux("k8s.container.restarts"),
    Aux("k8s.container.status.reason"),
    // docker_stats receiver; usage.total leaves caches out.
    Rss("container.memory.anon", kLive),
    Rss("container.memory.usage.total", kSmoothed),
    Limit("container.memory.usage.limit"),
    // cAdvisor, kube-state-metrics: one sender for a whole node or cluster.
    PerContainer(Rss("container_memory_rss", kLive, kRealContainer)),
    PerContainer(Rss("container_memory_working_set_bytes", kSmoothed, kRealContainer)),
    PerContainer(Rss("container_memory_usage_bytes", kNoisy, kRealContainer)),
    PerContainer(Limit("container_spec_memory_limit_bytes", kRealContainer)),
    PerContainer(Limit("kube_pod_container_resource_limits", kMemoryResource, kRealContainer)),
    Aux("container_oom_events_total"),
    Aux("kube_pod_container_status_restarts_total"),
    Aux("kube_pod_container_status_last_terminated_reason"),
};

// Separators of names and keys read alike, because the way to Prometheus turns '.' into '_'.
std::string Underscored(std::string_view name) {
  std::string out(name);
  std::replace(out.begin(), out.end(), '.', '_');
  return out;
}

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using RowIndex = std::unordered_map<std::string, std::vector<uint16_t>, TextHash, std::equal_to<>>;

// cAdvisor's container_memory_rss is not kubeletstats' container.memory.rss: it tells of a whole
// node.
bool IsPerContainer(std::string_view name) {
  return std::any_of(std::begin(kTable), std::end(kTable), [name](const MetricRow& row) {
    return row.per_container && row.name == name;
  });
}

// A dotted name as Prometheus receives it: bare, with the unit word, with _total.
std::vector<std::string> PrometheusNames(std::string_view name) {
  std::vector<std::string> names;
  if (name.find('.') == name.npos) return names;
  for (const char* suffix : {"", "_bytes", "_bytes_total", "_total", "_ratio", "_percent",
                             "_seconds", "_milliseconds_total"}) {
    std::string translated = Underscored(name) + suffix;
    if (!IsPerContainer(translated)) names.push_back(std::move(translated));
  }
  return names;
}

const RowIndex& Index() {
  static const RowIndex* const index = [] {
    auto* rows = new RowIndex;  // lives for ever: read while the program exits
    for (size_t i = 0; i < std::size(kTable); ++i) {
      const auto row = static_cast<uint16_t>(i);
      (*rows)[std::string(kTable[i].name)].push_back(row);
      for (const std::string& name : PrometheusNames(kTable[i].name)) (*rows)[name].push_back(row);
    }
    return rows;
  }();
  return *index;
}

bool KeyEquals(std::string_view key, std::string_view wanted) {
  return std::equal(key.begin(), key.end(), wanted.begin(), wanted.end(),
                    [](char a, char b) { return a == b || (a == '_' && b == '.'); });
}

std::string_view ValueOf(const Attributes& attributes, std::string_view key) {
  for (const auto& [name, value] : attributes) {
    if (KeyEquals(name, key)) return value;
  }
  return {};
}

// Calls `test` with each part of `values`; true when one call was.
template <typename Test>
bool AnyPart(std::string_view values, Test test) {
  for (size_t begin = 0; begin <= values.size();) {
    const size_t end = std::min(values.find('|', begin), values.size());
    if (test(values.substr(begin, end - begin))) return true;
    begin = end + 1;
  }
  return false;
}

bool Holds(const AttributeRule& rule, const Attributes& attributes) {
  if (rule.kind == Kind::kNone) return true;
  const std::string_view value = ValueOf(attributes, rule.key);
  const auto equals = [value](std::string_view part) { return part == value; };
  const auto contains = [value](std::string_view part) { return value.find(part) != value.npos; };
  switch (rule.kind) {
    case Kind::kNone:
      return true;
    case Kind::kOneOf:
      return AnyPart(rule.values, equals);
    case Kind::kNoneOf:
      return !AnyPart(rule.values, equals);
    case Kind::kLacks:
      return !AnyPart(rule.values, contains);
  }
  return false;
}

}  // namespace

std::span<const MetricRow> MetricTable() { return kTable; }

std::span<const uint16_t> FindMetricRows(std::string_view name) {
  const auto found = Index().find(name);
  if (found == Index().end()) return {};
  return found->second;
}

bool Matches(const MetricRow& row, const Attributes& attributes) {
  return Holds(row.rules[0], attributes) && Holds(row.rules[1], attributes);
}

}  // namespace tidemark
