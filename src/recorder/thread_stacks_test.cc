#include "recorder/thread_stacks.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <string>
#include <thread>
#include <vector>

namespace tidemark::recorder {
namespace {

class ThreadStacksTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "threadsXXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    ASSERT_EQ(ledger_.Create({.folder = folder.c_str(), .sample_bytes = 1}),
              ledger::OffReason::kNone);
  }
  void TearDown() override { ledger_.Exit(); }

  uint64_t Add(void* argument, bool detached = false) {
    ledger::LiveSample sample{};
    sample.address = reinterpret_cast<uint64_t>(threads_.FreeEntry());
    if (sample.address == 0) return ThreadStacks::kNoTicket;
    sample.size = 1;
    return threads_.Add({nullptr, argument}, detached, ledger_.AddLive(sample));
  }
  // A thread that has begun.
  uint64_t Make(uint64_t thread, bool detached = false) {
    const uint64_t ticket = Add(&ledger_, detached);
    if (ticket == ThreadStacks::kNoTicket) return ticket;
    threads_.Made(ticket);
    EXPECT_EQ(threads_.Begin(ticket, thread).argument, &ledger_);
    return ticket;
  }
  size_t Live() {
    threads_.Sweep(&ledger_);
    size_t live = 0;
    for (uint32_t slot = 0; slot < ledger_.live_used(); ++slot)
      live += ledger_.live_address(slot) != 0;
    return live;
  }

  LedgerWriter ledger_;
  ThreadStacks threads_;
};

TEST_F(ThreadStacksTest, AThreadStaysUntilItIsJoined) {
  const uint64_t ticket = Make(100);
  threads_.Ended(ticket);
  EXPECT_EQ(Live(), 1u);
  threads_.Joined(100);
  EXPECT_EQ(Live(), 0u);
}

TEST_F(ThreadStacksTest, ADetachedThreadStaysUntilItEnds) {
  const uint64_t born_detached = Make(100, true);
  const uint64_t detached_running = Make(200);
  const uint64_t detached_ended = Make(300);
  threads_.Detached(200);
  threads_.Ended(detached_ended);
  EXPECT_EQ(Live(), 3u);
  threads_.Ended(born_detached);
  threads_.Ended(detached_running);
  threads_.Detached(300);
  EXPECT_EQ(Live(), 0u);
}

TEST_F(ThreadStacksTest, AJoinMeansTheOlderOfTwoThreadsOfOneName) {
  const uint64_t old = Make(100);
  threads_.Ended(old);
  const uint64_t young = Make(100);  // made on the stack of the first, before its joiner came here
  threads_.Joined(100);
  EXPECT_EQ(Live(), 1u);
  threads_.Ended(young);
  EXPECT_EQ(Live(), 1u);
  threads_.Joined(100);
  EXPECT_EQ(Live(), 0u);
}

TEST_F(ThreadStacksTest, AnEntryWaitsForItsMaker) {
  const void* entry = threads_.FreeEntry();
  const uint64_t ticket = threads_.Add({}, true, LedgerWriter::kNoSlot);
  threads_.Begin(ticket, 100);
  threads_.Ended(ticket);
  EXPECT_FALSE(threads_.must_sweep());
  EXPECT_NE(threads_.FreeEntry(), entry);
  threads_.Made(ticket);
  EXPECT_TRUE(threads_.must_sweep());
}

// A thread that is not on record was joined, and its pthread_t is another's before its joiner tells
// of it: the other's entry must not go before it has been read, or it would run a third's routine.
TEST_F(ThreadStacksTest, AnEntryWaitsForItsThread) {
  int third = 0;
  const uint64_t ticket = Add(&ledger_);
  threads_.Name(ticket, 100);
  threads_.Made(ticket);
  threads_.Joined(100);
  EXPECT_EQ(Live(), 1u);
  Add(&third);
  EXPECT_EQ(threads_.Begin(ticket, 100).argument, &ledger_);
  EXPECT_EQ(Live(), 1u) << "the third";
}

TEST_F(ThreadStacksTest, AnOldTicketMeansNobody) {
  const uint64_t ticket = Make(100);
  threads_.Joined(100);
  EXPECT_EQ(Live(), 0u);
  Make(200);
  threads_.Ended(ticket);
  threads_.Failed(ticket);
  EXPECT_EQ(Live(), 1u);
}

TEST_F(ThreadStacksTest, AThreadThatNeverCameToBeGoes) {
  const uint64_t ticket = threads_.Add({}, false, LedgerWriter::kNoSlot);
  threads_.Failed(ticket);
  EXPECT_TRUE(threads_.must_sweep());
}

TEST_F(ThreadStacksTest, AFullTableTakesNoMore) {
  for (uint64_t i = 1; i <= ThreadStacks::kCapacity; ++i) ASSERT_NE(Make(i), 0u);
  EXPECT_EQ(threads_.FreeEntry(), nullptr);
  threads_.Joined(77);
  EXPECT_EQ(Live(), ThreadStacks::kCapacity - 1);
  EXPECT_NE(threads_.FreeEntry(), nullptr);
}

TEST_F(ThreadStacksTest, MarksFromManyThreadsAreAllSwept) {
  std::vector<uint64_t> tickets;
  for (uint64_t i = 1; i <= 1000; ++i) tickets.push_back(Make(i));
  std::vector<std::thread> markers;
  for (size_t part = 0; part < 4; ++part) {
    markers.emplace_back([&, part] {
      for (size_t i = part; i < tickets.size(); i += 4) {
        threads_.Ended(tickets[i]);
        threads_.Joined(i + 1);
      }
    });
  }
  while (Live() > 0) std::this_thread::yield();
  for (std::thread& marker : markers) marker.join();
  EXPECT_FALSE(threads_.must_sweep());
}

}  // namespace
}  // namespace tidemark::recorder
