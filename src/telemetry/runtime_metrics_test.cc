#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/sanitizers.h"
#include "base/time.h"
#include "telemetry/allocator_state.h"
#include "telemetry/proc_files.h"
#include "tidemark/metrics.hpp"

namespace tidemark::sdk {
namespace {

namespace fs = std::filesystem;

// A machine made of files.
class RuntimeMetricsTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/runtime_metrics_test.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  // The value of a metric, told apart by its first attribute's value; -1 when it is absent.
  double ValueOf(const std::string& name, const std::string& attribute = "") {
    for (const MetricPoint& point : RuntimeMetrics({.root = root_}).Collect()) {
      if (point.name != name) continue;
      if (attribute.empty() || point.attributes.at(0).second == attribute) return point.value;
    }
    return -1;
  }

  std::string root_;
};

TEST_F(RuntimeMetricsTest, TheProcessIsReadFromProc) {
  Write("/proc/self/status",
        "Name:\tx\nVmSize:\t  2000 kB\nVmRSS:\t 1000 kB\nRssAnon:\t 700 kB\nRssFile:\t 200 kB\n"
        "RssShmem:\t 100 kB\nVmSwap:\t 8 kB\nThreads:\t7\n");
  Write("/proc/self/stat", "1 (a ) b) S 1 1 1 0 -1 4194560 111 0 22 0 1 1 0 0 20 0 7 0 100 0 0\n");
  EXPECT_EQ(ValueOf("process.memory.usage"), 1'024'000);
  EXPECT_EQ(ValueOf("process.memory.virtual"), 2'048'000);
  EXPECT_EQ(ValueOf("process.thread.count"), 7);
  EXPECT_EQ(ValueOf("tidemark.memory.resident", "anonymous"), 716'800);
  EXPECT_EQ(ValueOf("tidemark.memory.resident", "file"), 204'800);
  EXPECT_EQ(ValueOf("tidemark.memory.resident", "shared"), 102'400);
  EXPECT_EQ(ValueOf("tidemark.memory.swapped"), 8192);
  EXPECT_EQ(ValueOf("process.paging.faults", "minor"), 111);
  EXPECT_EQ(ValueOf("process.paging.faults", "major"), 22);
  EXPECT_GT(ValueOf("process.uptime"), 0);
}

TEST_F(RuntimeMetricsTest, TheCgroupNearestItsLimitCountsAndDroppableCacheDoesNot) {
  Write("/proc/self/cgroup", "12:cpu:/old\n0::/a/b\n");
  Write("/sys/fs/cgroup/a/b/memory.current", "600\n");
  Write("/sys/fs/cgroup/a/b/memory.max", "max\n");
  Write("/sys/fs/cgroup/a/b/memory.events", "low 0\nhigh 3\nmax 4\noom 1\noom_kill 1\n");
  Write("/sys/fs/cgroup/a/b/memory.pressure",
        "some avg10=12.50 avg60=1.00 avg300=0.00 total=2500000\n"
        "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
  Write("/sys/fs/cgroup/a/memory.current", "900\n");
  Write("/sys/fs/cgroup/a/memory.max", "1000\n");
  Write("/sys/fs/cgroup/a/memory.stat", "anon 500\ninactive_file 100\n");
  EXPECT_EQ(ValueOf("tidemark.cgroup.memory"), 600);
  EXPECT_EQ(ValueOf("tidemark.memory.limit"), 1000);
  EXPECT_DOUBLE_EQ(ValueOf("tidemark.memory.use"), 0.8);
  EXPECT_DOUBLE_EQ(MemoryUse(root_), 0.8);
  EXPECT_EQ(ValueOf("tidemark.cgroup.events", "oom_kill"), 1);
  EXPECT_EQ(ValueOf("tidemark.memory.pressure", "some"), 0.125);
  EXPECT_EQ(ValueOf("tidemark.memory.stall_time", "some"), 2.5);
}

TEST_F(RuntimeMetricsTest, WithoutALimitTheMachineCounts) {
  Write("/proc/self/cgroup", "0::/\n");
  Write("/sys/fs/cgroup/memory.current", "600\n");
  Write("/proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n");
  Write("/proc/pressure/memory", "some avg10=1.00 avg60=0 avg300=0 total=1000000\n");
  EXPECT_DOUBLE_EQ(MemoryUse(root_), 0.75);
  EXPECT_EQ(ValueOf("tidemark.memory.limit"), -1);
  EXPECT_EQ(ValueOf("tidemark.memory.use"), -1);
  EXPECT_EQ(ValueOf("tidemark.memory.stall_time", "some"), 1);
}

TEST_F(RuntimeMetricsTest, WhatIsMissingOrNonsenseIsLeftOut) {
  Write("/proc/self/stat", "garbage");
  Write("/proc/self/status", "VmRSS:\t lots kB\n:::\n\nThreads\n");
  Write("/proc/self/cgroup", "0::/../../etc\n");
  Write("/proc/pressure/memory", "some avg10=x total=\n");
  EXPECT_EQ(ValueOf("process.memory.usage"), -1);
  EXPECT_EQ(ValueOf("process.paging.faults"), -1);
  EXPECT_EQ(ValueOf("tidemark.memory.pressure"), -1);
  EXPECT_EQ(MemoryUse(root_), 0);
}

TEST(RuntimeMetricsOnThisMachineTest, MoreThanTheStorysFourteenWithUnitsAndTimes) {
  std::set<std::string> names;
  const int64_t before = WallClockNs();
  for (const MetricPoint& point : RuntimeMetrics().Collect()) {
    names.insert(point.name);
    EXPECT_FALSE(point.unit.empty()) << point.name;
    EXPECT_GE(point.time_unix_ns, before);
    EXPECT_EQ(point.start_unix_ns != 0, point.counter) << point.name;
    EXPECT_GE(point.value, 0) << point.name;
  }
  if (kSanitized) GTEST_SKIP() << "a sanitizer's allocator has no malloc_info";
  EXPECT_GE(names.size(), 14u);
}

TEST(AllocatorStateTest, TotalsOfMallocInfoAreRead) {
  const auto state = ParseMallocInfo(R"(<malloc version="1">
<heap nr="0"><sizes></sizes><total type="fast" count="1" size="32"/>
<system type="current" size="1000"/></heap>
<heap nr="1"><total type="fast" count="0" size="0"/></heap>
<total type="fast" count="1" size="32"/>
<total type="rest" count="5" size="268"/>
<total type="mmap" count="2" size="5000"/>
<system type="current" size="2000"/>
<system type="max" size="3000"/>
</malloc>)");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->held_bytes, 7000);
  EXPECT_EQ(state->free_bytes, 300);
  EXPECT_EQ(state->in_use_bytes(), 6700);
  EXPECT_EQ(state->mmapped_bytes, 5000);
  EXPECT_EQ(state->arenas, 2u);
  EXPECT_FALSE(ParseMallocInfo(""));
  EXPECT_FALSE(ParseMallocInfo("</heap><total type=\"fast\" size=\"x\"/>"));
}

TEST(AllocatorStateTest, TheProgramIsHeldUpForAThousandthOfItsTime) {
  constexpr int64_t kMs = 1'000'000, kPause = 20 * kMs;
  EXPECT_EQ(NextAllocatorLookNs(7, 0, kPause), 7);
  EXPECT_EQ(NextAllocatorLookNs(7, 4 * kMs, kPause), 7 + 4000 * kMs);
  EXPECT_EQ(NextAllocatorLookNs(7, 21 * kMs, kPause), 7 + kNsPerHour);
}

TEST(AllocatorStateTest, AnImpatientProgramIsAskedOnceAnHour) {
  RuntimeMetrics metrics({.allocator_pause_ns = -1});
  const auto has_allocator = [&metrics] {
    for (const MetricPoint& point : metrics.Collect()) {
      if (point.name == "tidemark.allocator.held") return true;
    }
    return false;
  };
  EXPECT_EQ(has_allocator(), ReadAllocator().has_value());
  EXPECT_FALSE(has_allocator());
}

TEST(AllocatorStateTest, ABlockOfThisProcessShows) {
  const auto before = ReadAllocator();
  if (!before) GTEST_SKIP() << "not glibc's allocator";
  std::string block(50 << 20, 'x');
  const auto after = ReadAllocator();
  ASSERT_TRUE(after);
  EXPECT_GE(after->in_use_bytes(), before->in_use_bytes() + (50 << 20)) << block.size();
  EXPECT_GE(after->mmapped_bytes, before->mmapped_bytes + (50 << 20));
}

}  // namespace
}  // namespace tidemark::sdk
