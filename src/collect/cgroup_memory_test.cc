#include "collect/cgroup_memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "collect/fake_root.h"

namespace tidemark {
namespace {

// Process 7 in the group /pod/box.
class CgroupMemoryTest : public ::testing::Test {
 protected:
  CgroupMemoryTest() { root_.Write("/proc/7/cgroup", "1:cpu:/x\n0::/pod/box\n"); }
  void Group(const std::string& file, const std::string& text) {
    root_.Write("/sys/fs/cgroup" + file, text);
  }
  CgroupMemory Read(uint64_t pid = 7) { return ReadCgroupMemory(pid, root_.path()); }
  FakeRoot root_;
};

TEST_F(CgroupMemoryTest, LimitIsTheSmallestUpToTheRoot) {
  Group("/pod/box/memory.max", "max\n");
  EXPECT_FALSE(Read().limit_bytes);
  Group("/pod/memory.max", "1000\n");
  EXPECT_EQ(Read().limit_bytes, 1000);
  Group("/pod/box/memory.max", "2000\n");
  EXPECT_EQ(Read().limit_bytes, 1000);
  Group("/memory.max", "500\n");
  EXPECT_EQ(Read().limit_bytes, 500);
}

TEST_F(CgroupMemoryTest, ShareIsThatOfTheFullestGroup) {
  Group("/pod/box/memory.max", "1000\n");
  Group("/pod/box/memory.current", "100\n");
  Group("/pod/memory.max", "2000\n");
  Group("/pod/memory.current", "1900\n");
  EXPECT_DOUBLE_EQ(Read().limit_share, 0.95);
  EXPECT_EQ(Read().current_bytes, 100);
}

TEST_F(CgroupMemoryTest, FileCacheThatCanBeDroppedIsNotInUse) {
  Group("/pod/box/memory.max", "1000\n");
  Group("/pod/box/memory.current", "950\n");
  Group("/pod/box/memory.stat", "anon 200\nfile 750\ninactive_file 700\nactive_file 50\n");
  EXPECT_DOUBLE_EQ(Read().limit_share, 0.25);
  EXPECT_EQ(Read().current_bytes, 950);
}

TEST_F(CgroupMemoryTest, EventsPressureAndHighAreRead) {
  Group("/pod/box/memory.high", "900\n");
  Group("/pod/box/memory.events", "low 0\nhigh 3\nmax 9\noom 2\noom_kill 1\noom_group_kill 0\n");
  Group("/pod/box/memory.pressure",
        "some avg10=12.34 avg60=1.00 avg300=0.10 total=99\n"
        "full avg10=5.67 avg60=1.00 avg300=0.10 total=2500000\n");
  const CgroupMemory memory = Read();
  EXPECT_EQ(memory.high_bytes, 900);
  EXPECT_EQ(memory.events.at("oom_kill"), 1);
  EXPECT_EQ(memory.events.at("high"), 3);
  ASSERT_TRUE(memory.some_stall && memory.full_stall);
  EXPECT_EQ(memory.some_stall->percent, 12.34);
  EXPECT_EQ(memory.full_stall->percent, 5.67);
  EXPECT_EQ(memory.full_stall->total_s, 2.5);
}

TEST_F(CgroupMemoryTest, NonsenseIsAbsent) {
  Group("/pod/memory.max", "-5\n");
  Group("/memory.max", "lots\n");
  Group("/pod/box/memory.events", "oom_kill\n");
  Group("/pod/box/memory.pressure",
        "full avg10=nan total=1\nfull avg10=-1 total=1\nfull avg10=1e9 total=1\n"
        "some x\n");
  const CgroupMemory memory = Read();
  EXPECT_FALSE(memory.limit_bytes);
  EXPECT_TRUE(memory.events.empty());
  EXPECT_FALSE(memory.full_stall);
  EXPECT_FALSE(memory.some_stall);
  EXPECT_EQ(Read(8).directory, "");
}

TEST_F(CgroupMemoryTest, HierarchyBesideVersionOneIsFound) {
  Group("/unified/cgroup.procs", "");
  Group("/unified/pod/box/memory.current", "42\n");
  EXPECT_EQ(Read().current_bytes, 42);
}

// The kernel of this machine, whatever it offers.
TEST(CgroupMemoryRealTest, OwnGroupIsFound) {
  const CgroupMemory memory = ReadCgroupMemory(static_cast<uint64_t>(getpid()));
  if (memory.directory.empty()) GTEST_SKIP() << "no version 2 hierarchy here";
  EXPECT_TRUE(std::filesystem::is_directory(memory.directory)) << memory.directory;
  EXPECT_TRUE(MachineOomKills());
}

}  // namespace
}  // namespace tidemark
