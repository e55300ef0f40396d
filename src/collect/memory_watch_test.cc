#include "collect/memory_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "collect/fake_root.h"

namespace tidemark {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kSecond = 1'000'000'000;

class MemoryWatchTest : public ::testing::Test {
 protected:
  MemoryWatchTest() {
    root_.Write("/proc/7/cgroup", "0::/box\n");
    root_.Write("/sys/fs/cgroup/box/memory.max", "1048576\n");
    Use(100'000);
    OomKills(0, 0);
    Pressure("0.00");
  }
  void Use(int64_t bytes) {
    root_.Write("/sys/fs/cgroup/box/memory.current", std::to_string(bytes));
  }
  void Pressure(const std::string& percent) {
    root_.Write("/sys/fs/cgroup/box/memory.pressure", "full avg10=" + percent + " avg60=0\n");
  }
  void OomKills(int group, int machine) {
    root_.Write("/sys/fs/cgroup/box/memory.events", "oom_kill " + std::to_string(group) + "\n");
    root_.Write("/proc/vmstat", "nr 1\noom_kill " + std::to_string(machine) + "\n");
  }
  FakeRoot root_;
  MemoryWatch watch_{{}, root_.path()};
};

TEST_F(MemoryWatchTest, AlarmSoundsOnceWhenTheLimitComesNear) {
  EXPECT_FALSE(watch_.Look(7, 0));
  Use(950'000);
  const auto alarm = watch_.Look(7, kSecond);
  ASSERT_TRUE(alarm);
  EXPECT_EQ(*alarm, "91 % of memory.max, 1.00 MiB");
  EXPECT_FALSE(watch_.Look(7, 2 * kSecond));
  EXPECT_TRUE(watch_.Look(7, 62 * kSecond)) << "a minute later it still goes on";
}

TEST_F(MemoryWatchTest, AlarmSoundsAnewAfterAFallAndNotForTremblingAtTheLine) {
  Use(950'000);
  EXPECT_TRUE(watch_.Look(7, 0));
  Use(930'000);  // 89 %
  EXPECT_FALSE(watch_.Look(7, kSecond));
  Use(950'000);
  EXPECT_FALSE(watch_.Look(7, 2 * kSecond));
  Use(700'000);
  EXPECT_FALSE(watch_.Look(7, 3 * kSecond));
  Use(950'000);
  EXPECT_TRUE(watch_.Look(7, 4 * kSecond));
}

TEST_F(MemoryWatchTest, StallingForMemoryIsAnAlarm) {
  Pressure("9.99");
  EXPECT_FALSE(watch_.Look(7, 0));
  Pressure("12.50");
  const auto alarm = watch_.Look(7, kSecond);
  ASSERT_TRUE(alarm);
  EXPECT_THAT(*alarm, HasSubstr("12.5 %"));
}

TEST_F(MemoryWatchTest, RisenCountOfTheGroupIsOutOfMemory) {
  watch_.Look(7, 0);
  EXPECT_FALSE(watch_.OutOfMemory(7));
  OomKills(0, 5);  // somebody else's
  EXPECT_FALSE(watch_.OutOfMemory(7));
  OomKills(1, 5);
  const auto evidence = watch_.OutOfMemory(7);
  ASSERT_TRUE(evidence);
  EXPECT_THAT(*evidence, HasSubstr("memory.events rose by 1"));
}

TEST_F(MemoryWatchTest, MachinesCountSpeaksWhereTheGroupIsGone) {
  watch_.Look(7, 0);
  std::filesystem::remove_all(root_.path() + "/sys/fs/cgroup/box");
  EXPECT_FALSE(watch_.OutOfMemory(7));
  root_.Write("/proc/vmstat", "oom_kill 1\n");
  const auto evidence = watch_.OutOfMemory(7);
  ASSERT_TRUE(evidence);
  EXPECT_THAT(*evidence, HasSubstr("/proc/vmstat"));
}

TEST_F(MemoryWatchTest, LookAfterTheEndKeepsWhatWasKnown) {
  watch_.Look(7, 0);
  OomKills(1, 1);
  std::filesystem::remove_all(root_.path() + "/proc/7");
  EXPECT_FALSE(watch_.Look(7, kSecond));
  EXPECT_TRUE(watch_.OutOfMemory(7));
}

TEST_F(MemoryWatchTest, UnknownProcessIsNoEvidence) {
  EXPECT_FALSE(watch_.OutOfMemory(8));
  EXPECT_EQ(watch_.Last(8), nullptr);
}

}  // namespace
}  // namespace tidemark
