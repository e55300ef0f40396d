#include "server/shard.h"

#include <gtest/gtest.h>

#include <atomic>

namespace tidemark {
namespace {

using std::chrono::milliseconds;

TEST(ShardTest, WorkRunsInOrderAndWhatIsQueuedAtTheEndStillRuns) {
  std::vector<int> seen;
  {
    Shard shard(1 << 20, milliseconds(1000), [] {});
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(shard.Post(10, [&seen, i] { seen.push_back(i); }));
  }
  ASSERT_EQ(seen.size(), 100u);
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST(ShardTest, AFullQueueRefusesAndCounts) {
  std::promise<void> hold, started;
  Shard shard(4096, milliseconds(1000), [] {});
  ASSERT_TRUE(shard.Post(0, [&] {
    started.set_value();
    hold.get_future().wait();
  }));
  started.get_future().wait();
  int taken = 0;
  while (shard.Post(1000, [] {})) ++taken;
  EXPECT_GE(taken, 2);
  EXPECT_LE(taken, 4);
  EXPECT_EQ(shard.refused(), 1u);
  hold.set_value();
}

TEST(ShardTest, QuestionsAreAnsweredOnTheThread) {
  Shard shard(4096, milliseconds(1000), [] {});
  const auto id = shard.Ask([] { return std::this_thread::get_id(); });
  ASSERT_TRUE(id.has_value());
  EXPECT_NE(*id, std::this_thread::get_id());
}

TEST(ShardTest, TicksComeAlsoUnderLoad) {
  std::atomic<int> ticks{0};
  Shard shard(1 << 20, milliseconds(1), [&] { ++ticks; });
  while (ticks < 3) shard.Post(0, [] {});
  EXPECT_GE(ticks, 3);
}

}  // namespace
}  // namespace tidemark
