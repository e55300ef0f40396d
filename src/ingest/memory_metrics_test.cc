#include "ingest/memory_metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "base/time.h"

namespace tidemark {
namespace {

constexpr int64_t kT0 = 1'700'000'000 * kNsPerSecond;
constexpr double kMiB = 1024 * 1024;
const Target kShop = {"shop", "", "1.0.0", "a"};

Point P(std::string metric, double value, Attributes attributes = {}, int64_t second = 0) {
  Point point;
  point.metric = std::move(metric);
  point.attributes = std::move(attributes);
  point.time_ns = kT0 + second * kNsPerSecond;
  point.value = value;
  return point;
}

MetricBatch Batch(std::vector<Point> points, Attributes resource = {}) {
  return {{kShop, std::move(resource)}, std::move(points)};
}

// "heap live 10 goal_metric", one a point.
std::string Text(const std::vector<CanonicalPoint>& points) {
  std::string out;
  for (const CanonicalPoint& point : points) {
    static constexpr const char* kQuality[] = {"noisy", "smoothed", "live"};
    out += std::string(SeriesRoleName(point.role)) + " " +
           kQuality[static_cast<int>(point.quality)] + " " +
           std::to_string(std::llround(point.value)) + " " + std::string(point.source) + "\n";
  }
  return out;
}

struct Dialect {
  const char* name;
  std::vector<Point> points;
  const char* expected;
};

std::vector<Dialect> GoAndNative() {
  return {
      {"ours",
       {P("tidemark.heap.live", 5), P("tidemark.memory.limit", 90), P("process.memory.usage", 7)},
       "heap live 5 tidemark.heap.live\nrss live 7 process.memory.usage\n"
       "limit live 90 tidemark.memory.limit\n"},
      {"our SDK in a process that is not recorded",
       {P("tidemark.allocator.in_use", 6), P("tidemark.allocator.held", 8)},
       "heap live 6 tidemark.allocator.in_use\n"},
      {"our SDK in a recorded process: sampled blocks are missing from the allocator's figure",
       {P("tidemark.allocator.in_use", 6), P("tidemark.heap.live", 9)},
       "heap live 9 tidemark.heap.live\n"},
      {"Go, semconv: the goal says what is live, the parts of memory.used are resident",
       {P("go.memory.used", 10, {{"go.memory.type", "stack"}}),
        P("go.memory.used", 90, {{"go.memory.type", "other"}}), P("go.memory.gc.goal", 60 * kMiB),
        P("go.config.gogc", 200), P("go.memory.limit", 9223372036854775807.0)},
       "heap smoothed 20971520 go.memory.gc.goal\nrss noisy 100 go.memory.used\n"},
      {"Go before contrib 0.62",
       {P("process.runtime.go.mem.heap_alloc", 40), P("process.runtime.go.mem.heap_inuse", 50),
        P("process.runtime.go.mem.heap_sys", 99), P("process.runtime.go.goroutines", 8)},
       "heap noisy 40 process.runtime.go.mem.heap_alloc\n"},
      {"Go, client_golang with the runtime metrics",
       {P("go_memstats_heap_alloc_bytes", 40), P("go_gc_heap_live_bytes", 20),
        P("go_memstats_next_gc_bytes", 50 * kMiB), P("go_gc_gogc_percent", 100),
        P("go_gc_gomemlimit_bytes", 9e9), P("process_resident_memory_bytes", 70)},
       "heap live 20 go_gc_heap_live_bytes\nrss live 70 process_resident_memory_bytes\n"
       "limit live 9000000000 go_gc_gomemlimit_bytes\n"},
      {"Go, client_golang by default: the goal is better than the saw-tooth",
       {P("go_memstats_heap_alloc_bytes", 40), P("go_memstats_next_gc_bytes", 50 * kMiB),
        P("go_gc_gogc_percent", 100)},
       "heap smoothed 26214400 go_memstats_next_gc_bytes\n"},
      {"Go, semconv scraped",
       {P("go_memory_gc_goal_bytes", 50 * kMiB), P("go_config_gogc_percent", 100)},
       "heap smoothed 26214400 go.memory.gc.goal\n"},
      {"jemalloc",
       {P("stats.allocated", 5), P("stats.active", 6), P("stats.resident", 9)},
       "heap live 5 stats.allocated\nrss smoothed 9 stats.resident\n"},
      {"tcmalloc",
       {P("generic.current_allocated_bytes", 5), P("generic.heap_size", 50)},
       "heap live 5 generic.current_allocated_bytes\n"},
  };
}

std::vector<Dialect> Jvm() {
  const auto pool = [](const char* type, const char* name) {
    return Attributes{{"jvm.memory.pool.name", name}, {"jvm.memory.type", type}};
  };
  return {
      {"JVM, semconv",
       {P("jvm.memory.used", 30, pool("heap", "G1 Eden Space")),
        P("jvm.memory.used", 40, pool("heap", "G1 Old Gen")),
        P("jvm.memory.used", 15, pool("non_heap", "Metaspace")),
        P("jvm.memory.used_after_last_gc", 3, pool("heap", "G1 Survivor Space")),
        P("jvm.memory.used_after_last_gc", 35, pool("heap", "G1 Old Gen")),
        P("jvm.memory.limit", 500, pool("heap", "G1 Old Gen")),
        P("jvm.memory.limit", 20, pool("non_heap", "CodeHeap"))},
       "heap live 35 jvm.memory.used_after_last_gc\nlimit live 500 jvm.memory.limit\n"},
      {"JVM, G1 before its first cycle: nothing after collections yet",
       {P("jvm.memory.used", 30, pool("heap", "G1 Eden Space")),
        P("jvm.memory.used", 40, pool("heap", "G1 Old Gen")),
        P("jvm.memory.used_after_last_gc", 0, pool("heap", "G1 Old Gen"))},
       "heap noisy 70 jvm.memory.used\n"},
      {"JVM, agent 1.x",
       {P("process.runtime.jvm.memory.usage", 30, {{"pool", "G1 Eden Space"}, {"type", "heap"}}),
        P("process.runtime.jvm.memory.usage", 9, {{"pool", "Metaspace"}, {"type", "non_heap"}}),
        P("process.runtime.jvm.memory.limit", 500, {{"pool", "G1 Old Gen"}, {"type", "heap"}})},
       "heap noisy 30 process.runtime.jvm.memory.usage\nlimit live 500 "
       "process.runtime.jvm.memory.limit\n"},
      {"JVM, JMX gatherer",
       {P("jvm.memory.heap.used", 30), P("jvm.memory.heap.max", 500)},
       "heap noisy 30 jvm.memory.heap.used\nlimit live 500 jvm.memory.heap.max\n"},
      {"JVM, client_java 1.x",
       {P("jvm_memory_used_bytes", 70, {{"area", "heap"}}),
        P("jvm_memory_used_bytes", 20, {{"area", "nonheap"}}),
        P("jvm_memory_max_bytes", 500, {{"area", "heap"}}),
        P("jvm_memory_max_bytes", -1, {{"area", "nonheap"}}),
        P("jvm_memory_pool_collection_used_bytes", 33, {{"pool", "PS Old Gen"}}),
        P("jvm_memory_pool_collection_used_bytes", 3, {{"pool", "PS Eden Space"}})},
       "heap live 33 jvm_memory_pool_collection_used_bytes\nlimit live 500 jvm_memory_max_bytes\n"},
      {"JVM, simpleclient 0.x",
       {P("jvm_memory_bytes_used", 70, {{"area", "heap"}}),
        P("jvm_memory_bytes_used", 20, {{"area", "nonheap"}}),
        P("jvm_memory_bytes_max", 500, {{"area", "heap"}})},
       "heap noisy 70 jvm_memory_bytes_used\nlimit live 500 jvm_memory_bytes_max\n"},
      {"JVM, micrometer",
       {P("jvm_memory_used_bytes", 30, {{"area", "heap"}, {"id", "G1 Eden Space"}}),
        P("jvm_memory_used_bytes", 40, {{"area", "heap"}, {"id", "G1 Old Gen"}}),
        P("jvm_memory_max_bytes", -1, {{"area", "heap"}, {"id", "G1 Eden Space"}}),
        P("jvm_memory_max_bytes", 500, {{"area", "heap"}, {"id", "G1 Old Gen"}}),
        P("jvm_gc_live_data_size_bytes", 37)},
       "heap live 37 jvm_gc_live_data_size_bytes\nlimit live 500 jvm_memory_max_bytes\n"},
      {"JVM, semconv scraped",
       {P("jvm_memory_used_bytes", 30,
          {{"jvm_memory_pool_name", "G1 Old Gen"}, {"jvm_memory_type", "heap"}}),
        P("jvm_memory_used_bytes", 9,
          {{"jvm_memory_pool_name", "Metaspace"}, {"jvm_memory_type", "non_heap"}})},
       "heap noisy 30 jvm.memory.used\n"},
  };
}

std::vector<Dialect> OtherRuntimes() {
  const auto space = [](const char* name) { return Attributes{{"v8js.heap.space.name", name}}; };
  const auto generation = [](const char* name) {
    return Attributes{{"dotnet.gc.heap.generation", name}};
  };
  return {
      {"Node.js, semconv",
       {P("v8js.memory.heap.used", 9, space("new_space")),
        P("v8js.memory.heap.used", 20, space("old_space")),
        P("v8js.memory.heap.used", 5, space("large_object_space")),
        P("v8js.memory.heap.limit", 99, space("old_space"))},
       "heap smoothed 25 v8js.memory.heap.used\n"},
      {"Node.js, prom-client",
       {P("nodejs_heap_size_used_bytes", 40), P("process_resident_memory_bytes", 80),
        P("nodejs_heap_space_size_used_bytes", 20, {{"space", "old"}}),
        P("nodejs_heap_space_size_used_bytes", 9, {{"space", "new"}})},
       "heap smoothed 20 nodejs_heap_space_size_used_bytes\nrss live 80 "
       "process_resident_memory_bytes\n"},
      {"CPython",
       {P("process.runtime.cpython.memory", 50, {{"type", "rss"}}),
        P("process.runtime.cpython.memory", 500, {{"type", "vms"}}),
        P("process.runtime.cpython.gc_count", 3)},
       "rss live 50 process.runtime.cpython.memory\n"},
      {".NET 9",
       {P("dotnet.gc.last_collection.heap.size", 9, generation("gen0")),
        P("dotnet.gc.last_collection.heap.size", 50, generation("gen2")),
        P("dotnet.gc.last_collection.heap.size", 30, generation("loh")),
        P("dotnet.gc.last_collection.heap.fragmentation.size", 11, generation("gen2")),
        P("dotnet.gc.last_collection.heap.fragmentation.size", 4, generation("loh")),
        P("dotnet.process.memory.working_set", 200)},
       "heap live 65 dotnet.gc.last_collection.heap.size\nrss live 200 "
       "dotnet.process.memory.working_set\n"},
      {".NET before 9",
       {P("process.runtime.dotnet.gc.heap.size", 50, {{"generation", "gen2"}}),
        P("process.runtime.dotnet.gc.objects.size", 70)},
       "heap live 50 process.runtime.dotnet.gc.heap.size\n"},
      {"kubelet: the limit is what is left and what is used",
       {P("container.memory.working_set", 60), P("container.memory.rss", 50),
        P("container.memory.usage", 90), P("container.memory.available", 40)},
       "rss live 50 container.memory.rss\nlimit live 100 container.memory.available\n"},
      {"kubelet: utilization of the limit",
       {P("k8s.pod.memory.working_set", 60), P("k8s.pod.memory_limit_utilization", 0.25)},
       "rss smoothed 60 k8s.pod.memory.working_set\nlimit live 240 "
       "k8s.pod.memory_limit_utilization\n"},
      {"docker_stats",
       {P("container.memory.usage.total", 60), P("container.memory.usage.limit", 100)},
       "rss smoothed 60 container.memory.usage.total\nlimit live 100 "
       "container.memory.usage.limit\n"},
      {"no limit is no limit: cgroup v1 writes nearly 2^63, cAdvisor 0",
       {P("container.memory.usage.limit", 9223372036854771712.0), P("jvm.memory.heap.max", -1)},
       ""},
      {"the lowest ceiling counts",
       {P("k8s.container.memory_limit", 1000), P("jvm.memory.heap.max", 700)},
       "limit live 700 jvm.memory.heap.max\n"},
      {"active spans",
       {P("otel.sdk.span.live", 12), P("http.server.active_requests", 4)},
       "active_spans live 12 otel.sdk.span.live\n"},
      {"names that say nothing", {P("http.client.request.size", 12), P("jvm.cpu.time", 4)}, ""},
  };
}

class DialectTest : public testing::TestWithParam<Dialect> {};

TEST_P(DialectTest, BecomesOurSeries) {
  MemoryMetrics metrics;
  EXPECT_EQ(Text(metrics.Feed(Batch(GetParam().points))), GetParam().expected) << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(GoAndNative, DialectTest, testing::ValuesIn(GoAndNative()));
INSTANTIATE_TEST_SUITE_P(Jvm, DialectTest, testing::ValuesIn(Jvm()));
INSTANTIATE_TEST_SUITE_P(OtherRuntimes, DialectTest, testing::ValuesIn(OtherRuntimes()));

TEST(MemoryMetricsTest, GoGoalFormulaKnowsWhereItFails) {
  EXPECT_DOUBLE_EQ(LiveFromGoGoal(100 * kMiB, 100, 0), 50 * kMiB);
  EXPECT_DOUBLE_EQ(LiveFromGoGoal(300 * kMiB, 50, 1000 * kMiB), 200 * kMiB);
  EXPECT_LT(LiveFromGoGoal(100 * kMiB, 9223372036854775807.0, 0), 0) << "GOGC=off";
  EXPECT_LT(LiveFromGoGoal(4 * kMiB, 100, 0), 0) << "minimum heap";
  EXPECT_LT(LiveFromGoGoal(900 * kMiB, 100, 1000 * kMiB), 0) << "the limit governs";
}

TEST(MemoryMetricsTest, ABetterSourceReplacesAWorseAndSaysSo) {
  MemoryMetrics metrics;
  auto points = metrics.Feed(Batch({P("jvm.memory.heap.used", 90)}));
  ASSERT_EQ(points.size(), 1u);
  EXPECT_TRUE(points[0].begins_anew);
  points = metrics.Feed(Batch({P("jvm.memory.heap.used", 91, {}, 10)}));
  EXPECT_FALSE(points.at(0).begins_anew);
  points = metrics.Feed(
      Batch({P("jvm.memory.heap.used", 92, {}, 20), P("jvm_gc_live_data_size_bytes", 40, {}, 20)}));
  EXPECT_EQ(Text(points), "heap live 40 jvm_gc_live_data_size_bytes\n");
  EXPECT_TRUE(points[0].begins_anew);
  EXPECT_TRUE(metrics.Feed(Batch({P("jvm.memory.heap.used", 93, {}, 30)})).empty());
  EXPECT_EQ(metrics.stats().source_changes, 1u);
  EXPECT_TRUE(metrics.Reports(IdOf(kShop), SeriesRole::kHeap));
  EXPECT_FALSE(metrics.Reports(IdOf(kShop), SeriesRole::kRss));
}

TEST(MemoryMetricsTest, ASilentSourceGivesWay) {
  MemoryMetrics metrics({.source_timeout_ns = kNsPerMinute});
  metrics.Feed(Batch({P("stats.allocated", 40), P("stats.active", 50)}));
  EXPECT_TRUE(metrics.Feed(Batch({P("stats.active", 51, {}, 60)})).empty());
  const auto points = metrics.Feed(Batch({P("stats.active", 52, {}, 61)}));
  EXPECT_EQ(Text(points), "heap smoothed 52 stats.active\n");
  EXPECT_TRUE(points[0].begins_anew);
}

TEST(MemoryMetricsTest, RepeatedDeliveryMakesNoSecondPoint) {
  MemoryMetrics metrics;
  const MetricBatch batch = Batch({P("stats.allocated", 40), P("jvm.memory.heap.max", 99)});
  EXPECT_EQ(metrics.Feed(batch).size(), 2u);
  EXPECT_TRUE(metrics.Feed(batch).empty());
  EXPECT_EQ(metrics.stats().duplicates, 2u);
}

TEST(MemoryMetricsTest, ASplitRequestWaitsForItsOtherHalf) {
  MemoryMetrics metrics;
  const auto half = [](const char* space, double value, int64_t second) {
    return Batch({P("v8js.memory.heap.used", value, {{"v8js.heap.space.name", space}}, second)});
  };
  metrics.Feed(half("old_space", 20, 0));
  EXPECT_EQ(Text(metrics.Feed(half("large_object_space", 5, 0))),
            "heap smoothed 25 v8js.memory.heap.used\n");
  EXPECT_TRUE(metrics.Feed(half("old_space", 21, 10)).empty());
  EXPECT_EQ(Text(metrics.Feed(half("large_object_space", 5, 10))),
            "heap smoothed 26 v8js.memory.heap.used\n");
  EXPECT_EQ(metrics.stats().incomplete, 1u);
  // A part that never comes again is not waited for: two are held back, the third counts.
  EXPECT_TRUE(metrics.Feed(half("old_space", 22, 20)).empty());
  EXPECT_TRUE(metrics.Feed(half("old_space", 23, 30)).empty());
  EXPECT_EQ(Text(metrics.Feed(half("old_space", 24, 40))),
            "heap smoothed 24 v8js.memory.heap.used\n");
}

struct RestartCase {
  const char* name;
  MetricBatch before, after;
};

TEST(MemoryMetricsTest, RestartsAreSeen) {
  const auto heap = [](int64_t second) { return P("stats.allocated", 40, {}, second); };
  const RestartCase cases[] = {
      {"pid", Batch({heap(0)}, {{"process.pid", "1"}}), Batch({heap(10)}, {{"process.pid", "2"}})},
      {"container", Batch({heap(0)}, {{"container.id", "x"}}),
       Batch({heap(10)}, {{"container.id", "y"}})},
      {"start time", Batch({heap(0), P("process_start_time_seconds", 100)}),
       Batch({heap(10), P("process_start_time_seconds", 900, {}, 10)})},
      {"uptime", Batch({heap(0), P("runtime.uptime", 9000)}),
       Batch({heap(10), P("runtime.uptime", 5000, {}, 10)})},
      {"allocation counter", Batch({heap(0), P("go_memstats_alloc_bytes_total", 9000)}),
       Batch({heap(10), P("go_memstats_alloc_bytes_total", 10, {}, 10)})},
  };
  for (const RestartCase& c : cases) {
    MemoryMetrics metrics;
    metrics.Feed(c.before);
    const auto points = metrics.Feed(c.after);
    ASSERT_EQ(points.size(), 1u) << c.name;
    EXPECT_TRUE(points[0].begins_anew) << c.name;
    EXPECT_EQ(metrics.stats().restarts, 1u) << c.name;
  }
}

TEST(MemoryMetricsTest, TheLastWordsOfAFormerRunAreDropped) {
  MemoryMetrics metrics;
  metrics.Feed(Batch({P("stats.allocated", 40, {}, 10)}, {{"process.pid", "2"}}));
  EXPECT_TRUE(
      metrics.Feed(Batch({P("stats.allocated", 900, {}, 5)}, {{"process.pid", "1"}})).empty());
  EXPECT_EQ(metrics.stats().late, 1u);
  EXPECT_EQ(metrics.stats().restarts, 0u);
}

TEST(MemoryMetricsTest, RequestCountsBecomeARate) {
  MemoryMetrics metrics;
  const auto count = [](double get, double post, int64_t second) {
    return Batch({P("http.server.request.duration.count", get, {{"http.route", "/a"}}, second),
                  P("http.server.request.duration.count", post, {{"http.route", "/b"}}, second)});
  };
  EXPECT_TRUE(metrics.Feed(count(100, 10, 0)).empty());
  EXPECT_EQ(Text(metrics.Feed(count(400, 110, 10))),
            "req_rate noisy 40 http.server.request.duration.count\n");
}

TEST(MemoryMetricsTest, OneSenderForManyContainersMakesATargetOfEach) {
  MemoryMetrics metrics;
  const auto row = [](const char* pod, const char* container) {
    return Attributes{{"container", container}, {"namespace", "prod"}, {"pod", pod}};
  };
  const auto points = metrics.Feed(Batch({P("container_memory_rss", 10, row("shop-1", "app")),
                                          P("container_memory_rss", 20, row("shop-2", "app")),
                                          P("container_memory_rss", 35, row("shop-2", "")),
                                          P("container_memory_rss", 1, row("shop-2", "POD"))}));
  ASSERT_EQ(points.size(), 2u);
  EXPECT_EQ(points[0].target, (Target{"app", "prod", "", "prod.shop-1.app"}));
  EXPECT_EQ(points[0].value, 10);
  EXPECT_EQ(points[1].target.instance, "prod.shop-2.app");
  EXPECT_EQ(points[1].value, 20);
}

TEST(MemoryMetricsTest, AnAliasNamesAnAllocatorsProperty) {
  MemoryMetrics metrics({.aliases = {{"myapp_malloc_allocated", "stats.allocated"}}});
  EXPECT_EQ(Text(metrics.Feed(Batch({P("myapp_malloc_allocated", 5)}))),
            "heap live 5 stats.allocated\n");
}

TEST(MemoryMetricsTest, HostileValuesAreCountedAndMakeNoPoint) {
  MemoryMetrics metrics;
  Point timeless = P("stats.allocated", 5);
  timeless.time_ns = 0;
  Point endless = P("stats.allocated", 5);
  endless.time_ns = INT64_MAX;
  EXPECT_TRUE(metrics
                  .Feed(Batch({P("stats.allocated", std::nan("")), P("stats.allocated", -1),
                               P("stats.allocated", std::numeric_limits<double>::infinity()),
                               timeless, endless}))
                  .empty());
  EXPECT_EQ(metrics.stats().points_invalid, 5u);
}

TEST(MemoryMetricsTest, OneWrongClockIsForgotten) {
  MemoryMetrics metrics;
  metrics.Feed(Batch({P("stats.allocated", 5, {}, 0)}));
  metrics.Feed(Batch({P("stats.allocated", 6, {}, 86'400)}));
  EXPECT_EQ(
      Text(metrics.Feed(Batch({P("stats.active", 9, {}, 10), P("stats.allocated", 7, {}, 10)}))),
      "heap live 7 stats.allocated\n");
  EXPECT_EQ(Text(metrics.Feed(Batch({P("stats.active", 9, {}, 20)}))), "");
}

TEST(MemoryMetricsTest, OfEqualPointsTheLastCounts) {
  MemoryMetrics metrics;
  EXPECT_EQ(Text(metrics.Feed(Batch({P("stats.allocated", 5), P("stats.allocated", 6)}))),
            "heap live 6 stats.allocated\n");
}

TEST(MemoryMetricsTest, TargetsAndPartsAreBounded) {
  MemoryMetrics metrics({.max_targets = 10, .max_parts = 4});
  for (int i = 0; i < 100; ++i) {
    MetricBatch batch = Batch({});
    batch.resource.target.instance = std::to_string(i);
    for (int part = 0; part < 6; ++part) {
      batch.points.push_back(P("stats.allocated", 1, {{"arena", std::to_string(part)}}));
    }
    metrics.Feed(batch);
  }
  EXPECT_EQ(metrics.targets(), 10u);
  EXPECT_EQ(metrics.stats().targets_evicted, 90u);
  EXPECT_EQ(metrics.stats().parts_refused, 200u);
}

TEST(MemoryMetricTableTest, EveryRowIsFoundByItsName) {
  const auto table = MetricTable();
  for (size_t i = 0; i < table.size(); ++i) {
    const auto rows = FindMetricRows(table[i].name);
    EXPECT_TRUE(std::find(rows.begin(), rows.end(), i) != rows.end()) << table[i].name;
  }
  EXPECT_TRUE(FindMetricRows("").empty());
}

TEST(MemoryMetricTableTest, NoTwoRowsAreTheSame) {
  std::set<std::tuple<std::string_view, MetricUse, std::string_view>> seen;
  for (const MetricRow& row : MetricTable()) {
    EXPECT_TRUE(seen.emplace(row.name, row.use, row.rules[0].key).second) << row.name;
  }
}

}  // namespace
}  // namespace tidemark
