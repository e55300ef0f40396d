#include "goheap/process_stop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>

#include "goheap/process_memory.h"

namespace tidemark::goheap {
namespace {

using std::chrono::milliseconds;

std::atomic<int> signals_seen = 0;

// What the child and the test both see.
struct Shared {
  std::atomic<uint64_t> ticks[2] = {};
  std::atomic<int> signals = 0;
  std::atomic<bool> end = false;
};

// A child with two threads that count.
class Child {
 public:
  Child() {
    shared_ = new (mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                        -1, 0)) Shared;
    pid_ = fork();
    if (pid_ == 0) Run();
    Wait([this] { return ticks(0) > 0 && ticks(1) > 0; });
  }
  ~Child() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    munmap(shared_, sizeof(Shared));
  }
  int End() {
    shared_->end = true;
    int status = 0;
    waitpid(pid_, &status, 0);
    return status;
  }
  pid_t pid() const { return pid_; }
  uint64_t ticks(int thread) const { return shared_->ticks[thread]; }
  int signals() const { return shared_->signals; }

  template <typename Condition>
  static bool Wait(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

 private:
  [[noreturn]] void Run() {
    signal(SIGUSR1, [](int) { ++signals_seen; });
    const auto count = [this](int thread) {
      while (!shared_->end) {
        ++shared_->ticks[thread];
        shared_->signals = signals_seen.load();
        std::this_thread::yield();
      }
    };
    std::thread other(count, 1);
    count(0);
    other.join();
    _exit(7);
  }

  Shared* shared_;
  pid_t pid_;
};

bool Moves(const Child& child) {
  const uint64_t first = child.ticks(0), second = child.ticks(1);
  return Child::Wait([&] { return child.ticks(0) > first && child.ticks(1) > second; });
}

TEST(StoppedProcessTest, EveryThreadStandsStillAndGoesOnAfterwards) {
  Child child;
  {
    auto stopped = StoppedProcess::Stop(child.pid(), milliseconds(20'000));
    ASSERT_TRUE(stopped) << stopped.error().message;
    EXPECT_GE(stopped->thread_count(), 2u);  // a sanitizer may have one of its own
    const uint64_t first = child.ticks(0), second = child.ticks(1);
    for (int i = 0; i < 1000; ++i) std::this_thread::yield();
    EXPECT_EQ(child.ticks(0), first);
    EXPECT_EQ(child.ticks(1), second);
    const auto registers = stopped->Registers();
    ASSERT_GE(registers.size(), 2u);
    EXPECT_NE(registers[0].sp, 0u);
    EXPECT_NE(registers[0].sp, registers[1].sp);
  }
  EXPECT_TRUE(Moves(child));
  EXPECT_EQ(WEXITSTATUS(child.End()), 7);
}

TEST(StoppedProcessTest, ASignalThatArrivesMeanwhileIsDeliveredAfterwards) {
  Child child;
  auto stopped = StoppedProcess::Stop(child.pid(), milliseconds(20'000));
  ASSERT_TRUE(stopped) << stopped.error().message;
  kill(child.pid(), SIGUSR1);
  EXPECT_EQ(child.signals(), 0);
  stopped->Resume();
  EXPECT_TRUE(Child::Wait([&] { return child.signals() == 1; }));
  EXPECT_EQ(WEXITSTATUS(child.End()), 7);
}

TEST(StoppedProcessTest, ItCanBeStoppedManyTimes) {
  Child child;
  for (int i = 0; i < 50; ++i) {
    const auto stopped = StoppedProcess::Stop(child.pid(), milliseconds(20'000));
    ASSERT_TRUE(stopped) << stopped.error().message;
    EXPECT_GE(stopped->thread_count(), 2u);  // a sanitizer may have one of its own
  }
  EXPECT_TRUE(Moves(child));
}

TEST(StoppedProcessTest, ATracerThatDiesLetsItGoOn) {
  Child child;
  const pid_t tracer = fork();
  if (tracer == 0) {
    const auto stopped = StoppedProcess::Stop(child.pid(), milliseconds(20'000));
    raise(SIGKILL);
    _exit(stopped ? 1 : 2);
  }
  int status = 0;
  waitpid(tracer, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  EXPECT_TRUE(Moves(child));
}

TEST(StoppedProcessTest, OneThatIsTracedSaysByWhom) {
  Child child;
  const auto stopped = StoppedProcess::Stop(child.pid(), milliseconds(20'000));
  ASSERT_TRUE(stopped) << stopped.error().message;
  int result[2];
  ASSERT_EQ(pipe(result), 0);
  const pid_t second = fork();
  if (second == 0) {
    const auto again = StoppedProcess::Stop(child.pid(), milliseconds(20'000));
    const std::string text = again ? "stopped" : again.error().message;
    _exit(write(result[1], text.data(), text.size()) < 0 ? 1 : 0);
  }
  waitpid(second, nullptr, 0);
  char text[512] = {};
  ASSERT_GT(read(result[0], text, sizeof(text) - 1), 0);
  close(result[0]);
  close(result[1]);
  EXPECT_THAT(text, testing::HasSubstr("is being traced by process " + std::to_string(getpid())));
}

TEST(StoppedProcessTest, WhatCannotBeStoppedIsAnError) {
  EXPECT_EQ(StoppedProcess::Stop(0, milliseconds(1)).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(StoppedProcess::Stop(getpid(), milliseconds(1)).error().code,
            ErrorCode::kInvalidArgument);
  const pid_t gone = fork();
  if (gone == 0) _exit(0);
  waitpid(gone, nullptr, 0);
  EXPECT_EQ(StoppedProcess::Stop(gone, milliseconds(1)).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(ProcessMemory::Open(gone).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace tidemark::goheap
