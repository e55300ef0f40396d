#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>

#include "base/time.h"
#include "collect/cgroup_memory.h"
#include "collect/profile_builder.h"
#include "telemetry/allocator_state.h"
#include "telemetry/own_ledger.h"
#include "telemetry/proc_files.h"
#include "tidemark/metrics.hpp"

namespace tidemark::sdk {
namespace {

// Collects points of one moment.
class Points {
 public:
  Points(int64_t start_unix_ns, int64_t time_unix_ns)
      : start_unix_ns_(start_unix_ns), time_unix_ns_(time_unix_ns) {}

  void Gauge(const char* name, const char* unit, double value, Attributes attributes = {}) {
    Add(name, unit, false, value, std::move(attributes));
  }
  void Counter(const char* name, const char* unit, double value, Attributes attributes = {}) {
    Add(name, unit, true, value, std::move(attributes));
  }
  void GaugeOf(const char* name, const char* unit, std::optional<double> value,
               Attributes attributes = {}) {
    if (value) Gauge(name, unit, *value, std::move(attributes));
  }
  std::vector<MetricPoint> Take() { return std::move(points_); }

 private:
  void Add(const char* name, const char* unit, bool counter, double value, Attributes attributes) {
    MetricPoint point;
    point.name = name;
    point.unit = unit;
    point.counter = counter;
    if (counter) point.start_unix_ns = start_unix_ns_;
    point.time_unix_ns = time_unix_ns_;
    point.value = value;
    point.attributes = std::move(attributes);
    points_.push_back(std::move(point));
  }

  const int64_t start_unix_ns_, time_unix_ns_;
  std::vector<MetricPoint> points_;
};

// Fields of /proc/self/stat after the name (proc(5)): [0] is state, field 3.
std::vector<double> StatFields(const std::string& root) {
  const std::string text = ReadProcFile(root + "/proc/self/stat");
  const size_t name_end = text.rfind(')');
  std::vector<double> fields;
  if (name_end == text.npos) return fields;
  const char* at = text.c_str() + name_end + 1;
  for (const char* end = text.c_str() + text.size(); at < end;) {
    const size_t begin = strspn(at, " ");
    const size_t size = strcspn(at + begin, " \n");
    if (size == 0) break;
    fields.push_back(std::atof(std::string(at + begin, size).c_str()));
    at += begin + size;
  }
  return fields;
}
constexpr size_t kMinorFaults = 10 - 3, kMajorFaults = 12 - 3, kStartTicks = 22 - 3;

double BootSeconds() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void AddProcess(const std::vector<double>& stat, const std::string& root, double uptime_s,
                Points* points) {
  const Fields status = ReadFields(ReadProcFile(root + "/proc/self/status"));
  points->GaugeOf("process.memory.usage", "By", FieldOf(status, "VmRSS"));
  points->GaugeOf("process.memory.virtual", "By", FieldOf(status, "VmSize"));
  points->GaugeOf("process.thread.count", "{thread}", FieldOf(status, "Threads"));
  points->GaugeOf("tidemark.memory.resident", "By", FieldOf(status, "RssAnon"),
                  {{"type", "anonymous"}});
  points->GaugeOf("tidemark.memory.resident", "By", FieldOf(status, "RssFile"), {{"type", "file"}});
  points->GaugeOf("tidemark.memory.resident", "By", FieldOf(status, "RssShmem"),
                  {{"type", "shared"}});
  points->GaugeOf("tidemark.memory.swapped", "By", FieldOf(status, "VmSwap"));
  if (stat.size() <= kStartTicks) return;
  points->Gauge("process.uptime", "s", uptime_s);
  points->Counter("process.paging.faults", "{fault}", stat[kMinorFaults],
                  {{"system.paging.fault.type", "minor"}});
  points->Counter("process.paging.faults", "{fault}", stat[kMajorFaults],
                  {{"system.paging.fault.type", "major"}});
}

void AddStall(const char* kind, const std::optional<MemoryStall>& stall, Points* points) {
  if (!stall) return;
  points->Gauge("tidemark.memory.pressure", "1", stall->percent / 100, {{"type", kind}});
  if (stall->total_s)
    points->Counter("tidemark.memory.stall_time", "s", *stall->total_s, {{"type", kind}});
}

// The pressure of the cgroup where it has one, else of the machine.
void AddSurroundings(const std::string& root, Points* points) {
  const CgroupMemory cgroup = ReadCgroupMemory(0, root);
  const bool own = cgroup.some_stall || cgroup.full_stall;
  const std::string machine = root + "/proc/pressure/memory";
  AddStall("some", own ? cgroup.some_stall : ReadStall(machine, "some"), points);
  AddStall("full", own ? cgroup.full_stall : ReadStall(machine, "full"), points);
  points->GaugeOf("tidemark.cgroup.memory", "By", cgroup.current_bytes);
  points->GaugeOf("tidemark.memory.limit", "By", cgroup.limit_bytes);
  if (cgroup.limit_bytes) points->Gauge("tidemark.memory.use", "1", cgroup.limit_share);
  for (const char* event : {"low", "high", "max", "oom", "oom_kill"}) {
    const auto count = cgroup.events.find(event);
    if (count == cgroup.events.end()) continue;
    points->Counter("tidemark.cgroup.events", "{event}", static_cast<double>(count->second),
                    {{"type", event}});
  }
}

void AddAllocator(int64_t pause_ns, int64_t* next_look_ns, Points* points) {
  const int64_t begin_ns = SteadyClockNs();
  if (begin_ns < *next_look_ns) return;
  const auto state = ReadAllocator();
  const int64_t end_ns = SteadyClockNs();
  *next_look_ns = NextAllocatorLookNs(end_ns, end_ns - begin_ns, pause_ns);
  if (!state) return;
  points->Gauge("tidemark.allocator.in_use", "By", state->in_use_bytes());
  points->Gauge("tidemark.allocator.held", "By", state->held_bytes);
  points->Gauge("tidemark.allocator.free", "By", state->free_bytes);
  points->Gauge("tidemark.allocator.fragmentation", "1", state->free_bytes / state->held_bytes);
  points->Gauge("tidemark.allocator.mmapped", "By", state->mmapped_bytes);
  points->Gauge("tidemark.allocator.arenas", "{arena}", static_cast<double>(state->arenas));
}

struct SpanLess {
  bool operator()(const tidemark_span& a, const tidemark_span& b) const {
    return memcmp(&a, &b, sizeof a) < 0;
  }
};

double SurvivorBytes(const LedgerSnapshot& ledger, const RuntimeMetricsOptions& options,
                     int64_t now_ns) {
  std::map<tidemark_span, double, SpanLess> by_span;
  for (const LedgerSample& sample : ledger.live) {
    if (!sample.has_span || now_ns - sample.alloc_unix_ns < options.survivor_age_ns) continue;
    tidemark_span span;
    memcpy(span.trace_id, sample.trace_id.data(), sizeof span.trace_id);
    memcpy(span.span_id, sample.span_id.data(), sizeof span.span_id);
    by_span[span] += sample.bytes;
  }
  double bytes = 0;
  for (const auto& [span, live] : by_span) {
    if (!options.is_active || !options.is_active(span)) bytes += live;
  }
  return bytes;
}

void AddLedger(const RuntimeMetricsOptions& options, int64_t now_ns, Points* points) {
  const auto ledger = ReadOwnLedger(options.root);
  if (!ledger) return;
  const LiveTotals totals = TotalsOf(*ledger);
  points->Gauge("tidemark.heap.live", "By", totals.bytes);
  points->Gauge("tidemark.heap.live.standard_error", "By", totals.sigma_bytes);
  points->Gauge("tidemark.heap.objects", "{object}", totals.objects);
  points->Counter("tidemark.heap.allocated", "By", totals.alloc_bytes);
  points->Gauge("tidemark.heap.survivors", "By", SurvivorBytes(*ledger, options, now_ns));
  points->Gauge("tidemark.heap.sample_interval", "By",
                static_cast<double>(ledger->header.sample_bytes));
  for (size_t i = 0; i < ledger->header.losses.size(); ++i) {
    const uint64_t lost = ledger->header.losses[i];
    if (lost == 0) continue;
    points->Counter("tidemark.recorder.losses", "{event}", static_cast<double>(lost),
                    {{"type", LedgerLossName(static_cast<ledger::Loss>(i))}});
  }
}

}  // namespace

struct RuntimeMetrics::State {
  explicit State(RuntimeMetricsOptions given) : options(std::move(given)) {}
  const RuntimeMetricsOptions options;
  std::mutex mutex;                    // one Collect at a time
  int64_t next_allocator_look_ns = 0;  // steady clock
};

RuntimeMetrics::RuntimeMetrics(RuntimeMetricsOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}

RuntimeMetrics::~RuntimeMetrics() = default;

std::vector<MetricPoint> RuntimeMetrics::Collect() {
  const std::lock_guard lock(state_->mutex);
  const RuntimeMetricsOptions& options = state_->options;
  const int64_t now_ns = WallClockNs();
  const std::vector<double> stat = StatFields(options.root);
  const double ticks = stat.size() > kStartTicks ? stat[kStartTicks] : 0;
  const double uptime_s =
      std::max(0.0, BootSeconds() - ticks / static_cast<double>(sysconf(_SC_CLK_TCK)));
  Points points(now_ns - static_cast<int64_t>(uptime_s * 1e9), now_ns);
  AddProcess(stat, options.root, uptime_s, &points);
  AddSurroundings(options.root, &points);
  AddAllocator(options.allocator_pause_ns, &state_->next_allocator_look_ns, &points);
  const int64_t active = tidemark_spans_active();
  if (active >= 0) points.Gauge("tidemark.spans.active", "{span}", static_cast<double>(active));
  if (options.ledger) AddLedger(options, now_ns, &points);
  return points.Take();
}

}  // namespace tidemark::sdk
