// End to end on real processes: programs that somebody else starts under the recorder, and
// WatchCommand beside them.
#include "collect/watcher.h"

#ifdef WATCH_PROGRAM

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "collect/child_process.h"
#include "collect/fake_root.h"
#include "collect/fixture/receiver.h"
#include "collect/profile_builder.h"
#include "collect/report.h"
#include "ledger/ledger_reader.h"

namespace tidemark {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class WatcherTest : public ::testing::Test {
 protected:
  WatcherTest() { std::filesystem::create_directories(Ledgers()); }
  ~WatcherTest() override {
    for (const pid_t pid : children_) {
      kill(pid, SIGKILL);
      Eventually([pid] { return PollChild(pid).has_value(); });
    }
  }
  std::string Ledgers() const { return root_.path() + "/ledgers"; }

  pid_t Start(std::vector<std::string> arguments, std::vector<std::string> environment = {}) {
    const auto pid = StartChild({std::move(arguments), std::move(environment), ""});
    EXPECT_TRUE(pid);
    children_.push_back(pid ? *pid : 0);
    return children_.back();
  }
  pid_t StartWatch() {
    return Start({WATCH_PROGRAM, receiver_.url(), "200", root_.path(), Ledgers()});
  }
  // A program that has leaked 20 MiB and waits for SIGTERM.
  pid_t StartLeak(const std::string& instance) {
    return Start({LEAK_PROGRAM, "20", "wait"},
                 {std::string("LD_PRELOAD=") + RECORDER_LIBRARY, "TIDEMARK_DIR=" + Ledgers(),
                  "TIDEMARK_SAMPLE_BYTES=32768", "OTEL_SERVICE_NAME=leaker",
                  "OTEL_RESOURCE_ATTRIBUTES=service.version=3,service.instance.id=" + instance});
  }
  // Until a push of the instance shows all that it leaks.
  bool WaitForLeak(const std::string& instance) {
    return Eventually([&] {
      for (const ProfileBatch& batch : receiver_.profiles()) {
        if (batch.resource.target.instance == instance &&
            Summarize(batch.profile, nullptr, {}).inuse_bytes > 16 << 20) {
          return true;
        }
      }
      return false;
    });
  }
  void End(pid_t pid, int signal) {
    kill(pid, signal);
    EXPECT_TRUE(Eventually([pid] { return PollChild(pid).has_value(); }));
    std::erase(children_, pid);
  }
  // The newest profile of an instance that says `trigger`, once it is there.
  std::optional<ProfileBatch> WaitFor(const std::string& instance, const std::string& trigger) {
    std::optional<ProfileBatch> found;
    Eventually([&] {
      for (ProfileBatch& batch : receiver_.profiles()) {
        const auto& comments = batch.profile.comments;
        const bool says = std::count(comments.begin(), comments.end(), "trigger: " + trigger) > 0;
        if (says && batch.resource.target.instance == instance) found = std::move(batch);
      }
      return found.has_value();
    });
    return found;
  }
  bool LedgersAreGoneNow() const {
    std::filesystem::directory_iterator it(Ledgers()), end;
    return std::none_of(it, end, [](const auto& entry) {
      return entry.is_regular_file() && entry.path().extension() == ".ledger";
    });
  }
  bool LedgersAreGone() const {
    return Eventually([this] { return LedgersAreGoneNow(); });
  }

  FakeRoot root_;
  Receiver receiver_;
  std::vector<pid_t> children_;
};

// As in runner_test.cc: about 20 MiB.
void ExpectTheLeak(const ProfileBatch& batch) {
  const HeapSummary summary = Summarize(batch.profile, nullptr, {});
  ASSERT_FALSE(summary.heaviest.empty());
  EXPECT_EQ(summary.heaviest[0].frames.front().function, "fixture::LeakForEver");
  EXPECT_GT(summary.inuse_bytes, 16 << 20);
  EXPECT_LT(summary.inuse_bytes, 25 << 20);
}

TEST_F(WatcherTest, ProcessesOfOthersAreFoundNamedAndPushed) {
  const pid_t before = StartLeak("before");
  StartWatch();
  const pid_t after = StartLeak("after");
  for (const auto& [instance, pid] : {std::pair("before", before), std::pair("after", after)}) {
    ASSERT_TRUE(WaitForLeak(instance));
    const auto batch = WaitFor(instance, "interval");
    EXPECT_EQ(batch->resource.target, (Target{"leaker", "", "3", instance}));
    EXPECT_EQ(AttributeOr(batch->resource.attributes, "process.pid"), std::to_string(pid));
    ExpectTheLeak(*batch);
  }
}

TEST_F(WatcherTest, EndAndKillLeaveALastProfileAndNoLedger) {
  const pid_t ends = StartLeak("ends"), dies = StartLeak("dies");
  StartWatch();
  ASSERT_TRUE(WaitForLeak("ends"));
  ASSERT_TRUE(WaitForLeak("dies"));
  End(ends, SIGTERM);
  End(dies, SIGKILL);
  const auto exit = WaitFor("ends", "exit"), killed = WaitFor("dies", "killed");
  ASSERT_TRUE(exit);
  ExpectTheLeak(*exit);
  ASSERT_TRUE(killed);
  ExpectTheLeak(*killed);
  EXPECT_TRUE(LedgersAreGone());
}

TEST_F(WatcherTest, ProcessThatDiedBeforeTheWatchIsPushedOnceUnderItsExecutablesName) {
  const pid_t dies = StartLeak("dies");
  const std::string path = Ledgers() + "/" + std::to_string(dies) + ".ledger";
  ASSERT_TRUE(Eventually([&] {
    const auto ledger = ReadLedger(path);
    return ledger && TotalsOf(*ledger).bytes > 18 << 20;
  }));
  End(dies, SIGKILL);
  const int64_t died_ns = WallClockNs();
  StartWatch();
  ASSERT_TRUE(Eventually([&] { return !receiver_.profiles().empty(); }));
  EXPECT_TRUE(LedgersAreGone());
  const auto batches = receiver_.profiles();
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(batches[0].resource.target.service, "collect_leak_program");
  EXPECT_THAT(batches[0].profile.comments, Contains("trigger: killed"));
  EXPECT_LE(batches[0].profile.time_ns, died_ns) << "its own time, not that of the discovery";
  ExpectTheLeak(batches[0]);
}

TEST_F(WatcherTest, KeptLedgersAreNotPushedAgainByTheNextWatch) {
  const std::vector<std::string> keeping = {WATCH_PROGRAM, receiver_.url(), "200",
                                            root_.path(),  Ledgers(),       "keep"};
  const pid_t first = Start(keeping);
  const pid_t dies = StartLeak("dies");
  ASSERT_TRUE(WaitForLeak("dies"));
  End(dies, SIGKILL);
  ASSERT_TRUE(WaitFor("dies", "killed"));
  End(first, SIGTERM);
  const auto last_pushes = [&] {
    size_t count = 0;
    for (const ProfileBatch& batch : receiver_.profiles()) {
      const auto& comments = batch.profile.comments;
      count += std::count(comments.begin(), comments.end(), "trigger: killed") > 0;
    }
    return count;
  };
  EXPECT_EQ(last_pushes(), 1u);
  EXPECT_FALSE(LedgersAreGoneNow());
  Start(keeping);
  StartLeak("later");
  ASSERT_TRUE(WaitForLeak("later"));  // so the second watch has looked at every ledger
  EXPECT_EQ(last_pushes(), 1u);
}

TEST_F(WatcherTest, NearTheLimitAProfileIsPushedAtOnceAndAfterAnOomKillTheLast) {
  const pid_t pid = StartLeak("pod");
  const std::string group = "/sys/fs/cgroup/box";
  root_.Write("/proc/" + std::to_string(pid) + "/cgroup", "0::/box\n");
  root_.Write("/proc/vmstat", "oom_kill 0\n");
  root_.Write(group + "/memory.max", "33554432\n");
  root_.Write(group + "/memory.current", "16000000\n");
  root_.Write(group + "/memory.events", "oom 0\noom_kill 0\n");
  StartWatch();
  ASSERT_TRUE(WaitForLeak("pod"));
  root_.Write(group + "/memory.current", "32000000\n");
  const auto limit = WaitFor("pod", "limit");
  ASSERT_TRUE(limit);
  EXPECT_THAT(limit->profile.comments, Contains("memory: 95 % of memory.max, 32.0 MiB"));
  ASSERT_TRUE(Eventually([&] {
    for (const MetricBatch& batch : receiver_.metrics()) {
      for (const Point& point : batch.points) {
        if (point.metric == "tidemark.memory.limit" && point.value == 33554432) return true;
      }
    }
    return false;
  }));
  root_.Write(group + "/memory.events", "oom 1\noom_kill 1\n");
  End(pid, SIGKILL);
  const auto last = WaitFor("pod", "oom");
  ASSERT_TRUE(last);
  ExpectTheLeak(*last);
  EXPECT_THAT(last->profile.comments, Contains(StartsWith("end: oom_kill in memory.events rose")));
}

TEST_F(WatcherTest, HostileFilesHarmNothing) {
  ASSERT_EQ(symlink("/dev/zero", (Ledgers() + "/1.ledger").c_str()), 0);
  ASSERT_EQ(mkfifo((Ledgers() + "/2.ledger").c_str(), 0600), 0);
  root_.Write("/ledgers/3.ledger", std::string(1 << 20, 'x'));
  root_.Write("/ledgers/4.ledger", "");
  std::filesystem::resize_file(Ledgers() + "/4.ledger", uint64_t{1} << 40);
  const pid_t watch = StartWatch();
  StartLeak("sound");
  ASSERT_TRUE(WaitFor("sound", "interval"));
  EXPECT_EQ(kill(watch, 0), 0);
  for (const ProfileBatch& batch : receiver_.profiles()) {
    EXPECT_EQ(batch.resource.target.instance, "sound");
  }
}

}  // namespace
}  // namespace tidemark

#endif  // WATCH_PROGRAM
