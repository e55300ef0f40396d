// The table of thread stacks on real threads, as the hooks of pthread_create use it, with
// ThreadSanitizer and without it: makers on several threads, and threads that are joined, detached
// or not on record.
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "recorder/ledger_writer.h"
#include "recorder/spin_lock.h"
#include "recorder/thread_stacks.h"

namespace tidemark::recorder {
namespace {

constexpr int kMakers = 4;
constexpr int kRounds = 400;  // threads that each maker makes

// What the recorder holds under its lock, and the key whose destructor tells of a thread's end.
struct Recorded {
  SpinLock lock;
  LedgerWriter ledger;
  ThreadStacks stacks;
  pthread_key_t end_key;
} recorded;  // never goes: a detached thread may look at it at its very end

void Sweep() {
  if (!recorded.stacks.must_sweep() || !recorded.lock.TryLock()) return;
  recorded.stacks.Sweep(&recorded.ledger);
  recorded.lock.Unlock();
}

void OnThreadEnd(void* ticket) {
  recorded.stacks.Ended(reinterpret_cast<uint64_t>(ticket));
  Sweep();
}

void* ThreadMain(void* argument) {
  const ThreadStacks::Start start =
      recorded.stacks.Begin(reinterpret_cast<uint64_t>(argument), pthread_self());
  pthread_setspecific(recorded.end_key, argument);
  return start.routine(start.argument);
}

uint64_t Record(const ThreadStacks::Start& start) {
  if (!recorded.lock.TryLock()) return ThreadStacks::kNoTicket;
  uint64_t ticket = ThreadStacks::kNoTicket;
  if (const void* entry = recorded.stacks.FreeEntry(); entry != nullptr) {
    ledger::LiveSample sample = {};
    sample.address = reinterpret_cast<uint64_t>(entry);
    sample.size = 1;
    ticket = recorded.stacks.Add(start, false, recorded.ledger.AddLive(sample));
  }
  recorded.lock.Unlock();
  return ticket;
}

pthread_t Create(const ThreadStacks::Start& start, bool on_record) {
  pthread_t thread;
  const uint64_t ticket = on_record ? Record(start) : ThreadStacks::kNoTicket;
  if (ticket == ThreadStacks::kNoTicket) {
    EXPECT_EQ(pthread_create(&thread, nullptr, start.routine, start.argument), 0);
    return thread;
  }
  EXPECT_EQ(pthread_create(&thread, nullptr, &ThreadMain, reinterpret_cast<void*>(ticket)), 0);
  recorded.stacks.Name(ticket, thread);
  recorded.stacks.Made(ticket);
  Sweep();
  return thread;
}

void Join(pthread_t thread) {
  EXPECT_EQ(pthread_join(thread, nullptr), 0);
  recorded.stacks.Joined(thread);
  Sweep();
}

void Detach(pthread_t thread) {
  recorded.stacks.Detached(thread);
  EXPECT_EQ(pthread_detach(thread), 0);
  Sweep();
}

class ThreadStacksThreadsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "tidemark-stacks-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    ASSERT_EQ(recorded.ledger.Create({.folder = folder_.c_str(), .sample_bytes = 1}),
              ledger::OffReason::kNone);
    ASSERT_EQ(pthread_key_create(&recorded.end_key, &OnThreadEnd), 0);
  }
  void TearDown() override {
    pthread_key_delete(recorded.end_key);
    recorded.ledger.Exit();
    std::filesystem::remove_all(folder_);
  }

  std::string folder_;
};

size_t LiveStacks() {
  while (!recorded.lock.TryLock()) std::this_thread::yield();
  recorded.stacks.Sweep(&recorded.ledger);
  size_t live = 0;
  for (uint32_t slot = 0; slot < recorded.ledger.live_used(); ++slot)
    live += recorded.ledger.live_address(slot) != 0;
  recorded.lock.Unlock();
  return live;
}

// A thread counts itself: one that ran another's routine would leave its own at 0.
void* CountRun(void* runs) {
  ++*static_cast<std::atomic<int>*>(runs);
  return nullptr;
}

TEST_F(ThreadStacksThreadsTest, EachThreadRunsItsOwnRoutineAndLeavesNothing) {
  std::vector<std::atomic<int>> runs(kMakers * kRounds);
  std::vector<std::thread> makers;
  for (int maker = 0; maker < kMakers; ++maker) {
    makers.emplace_back([&runs, maker] {
      for (int round = 0; round < kRounds; ++round) {
        // One in five is not on record, as where the table is full; one in three is detached.
        const pthread_t thread = Create(
            {&CountRun, &runs[static_cast<size_t>(maker * kRounds + round)]}, round % 5 != 0);
        round % 3 == 0 ? Detach(thread) : Join(thread);
      }
    });
  }
  for (std::thread& maker : makers) maker.join();
  while (LiveStacks() > 0) std::this_thread::yield();
  for (const std::atomic<int>& count : runs) EXPECT_EQ(count, 1);
}

}  // namespace
}  // namespace tidemark::recorder
