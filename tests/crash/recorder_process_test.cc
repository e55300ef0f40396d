// The recorder in real processes: true stacks, right estimates after kill -9, and hosts that notice
// nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "recorded_process.h"

namespace tidemark::crash {
namespace {

using ledger::Loss;
using ledger::OffReason;
using ledger::State;

// Estimates must lie within 2 % of the truth plus five standard errors: a right recorder fails one
// such check with a chance below 1e-6.
void ExpectNear(const RecordedProcess::Estimate& estimate, double truth) {
  EXPECT_NEAR(estimate.bytes, truth, 0.02 * truth + 5 * estimate.error)
      << estimate.samples << " samples, standard error " << estimate.error;
}

uint64_t Lost(const LedgerSnapshot& snapshot, Loss loss) {
  return snapshot.header.losses[static_cast<size_t>(loss)];
}

bool Installed(const char* program) {
  return std::system((std::string("command -v ") + program + " >/dev/null 2>&1").c_str()) == 0;
}

class LeakTest : public ::testing::TestWithParam<const char*> {};

TEST_P(LeakTest, AfterKillTheLedgerHoldsTheLeakUnderItsTrueStack) {
  constexpr long kBlocks = 1'000'000;
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      {.arguments = {GetParam(), "leak", std::to_string(kBlocks)}, .sample_bytes = 8192}));
  process.KillHard();
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->header.state, State::kActive);
  EXPECT_EQ(snapshot->header.exe_path, GetParam());
  EXPECT_EQ(snapshot->damaged, 0u);
  const auto estimate = process.LeakBytes(*snapshot);
  EXPECT_GT(estimate.samples, 8'000u);
  ExpectNear(estimate, 100.0 * kBlocks);
  EXPECT_EQ(Lost(*snapshot, Loss::kTruncatedStack), 0u)
      << "every stack reaches the program's start";
  // The freed traffic is in the cumulative figures and not among the live.
  double allocated = 0, live = 0;
  for (const LedgerStack& stack : snapshot->stacks) allocated += stack.alloc_bytes;
  for (const LedgerSample& sample : snapshot->live) live += sample.bytes;
  EXPECT_GT(allocated, live + 200.0 * kBlocks);
}

INSTANTIATE_TEST_SUITE_P(FramePointers, LeakTest,
                         ::testing::Values(TIDEMARK_SUBJECT, TIDEMARK_SUBJECT_NO_FP),
                         [](const auto& info) { return info.index == 0 ? "With" : "Without"; });

TEST(RecorderTest, ThreadsAreAddedUpAndFreesByOtherThreadsCount) {
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      {.arguments = {TIDEMARK_SUBJECT_NO_FP, "threads", "60000"}, .sample_bytes = 4096}));
  process.KillHard();
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  ExpectNear(process.LeakBytes(*snapshot), 8 * 60'000 * 100.0);
  EXPECT_EQ(Lost(*snapshot, Loss::kLockBusy), 0u);
}

TEST(RecorderTest, AForkedChildHasALedgerOfItsOwnAndLeavesItsParentsAlone) {
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      {.arguments = {TIDEMARK_SUBJECT, "fork", "100000"}, .sample_bytes = 2048}, 2));
  const auto parent = process.Ledger();
  ASSERT_TRUE(parent) << parent.error().message;
  ExpectNear(process.LeakBytes(*parent), 100'000 * 100.0);
  const auto child = process.Ledger(static_cast<pid_t>(process.mark("child")));
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_TRUE(child->header.forked);
  EXPECT_FALSE(parent->header.forked);
  EXPECT_EQ(child->header.parent_pid, parent->header.pid);
  ExpectNear(process.LeakBytes(*child), 50'000 * 100.0);
  EXPECT_GE(child->modules.size(), 4u);
}

TEST(RecorderTest, ForksAmidAllocatingThreadsNeverHang) {
  RecordedProcess process;
  const Finished finished =
      process.Run({.arguments = {TIDEMARK_SUBJECT, "fork-storm", "100"}, .sample_bytes = 100});
  EXPECT_EQ(finished.status, 0) << finished.errors;
}

TEST(RecorderTest, ExecReplacesTheLedgerOfTheSamePid) {
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      {.arguments = {TIDEMARK_SUBJECT, "exec", "500000"}, .sample_bytes = 512}));
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  ExpectNear(process.LeakBytes(*snapshot), 3'000 * 100.0);
  EXPECT_EQ(process.LedgerFiles().size(), 1u);
}

TEST(RecorderTest, AFullTableIsThinnedWithoutBias) {
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      {.arguments = {TIDEMARK_SUBJECT, "leak", "400000"}, .sample_bytes = 32}));
  process.KillHard();
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_GE(snapshot->header.interval_doublings, 3u);
  EXPECT_GT(snapshot->header.thinned, 100'000u);
  EXPECT_EQ(Lost(*snapshot, Loss::kLiveTableFull), 0u);
  ExpectNear(process.LeakBytes(*snapshot), 400'000 * 100.0);
}

TEST(RecorderTest, SamplesCarryTheSpanTheyWereAllocatedIn) {
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      {.arguments = {TIDEMARK_SUBJECT, "span", "20000"}, .sample_bytes = 1024}));
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  LedgerSnapshot within = *snapshot, without = *snapshot;
  std::erase_if(within.live, [](const LedgerSample& s) { return !s.has_span; });
  std::erase_if(without.live, [](const LedgerSample& s) { return s.has_span; });
  for (const LedgerSample& sample : within.live) {
    ASSERT_EQ(sample.trace_id[0], 0xa1);
    ASSERT_EQ(sample.trace_id[15], 16);
    ASSERT_EQ(sample.span_id[0], 0xb1);
  }
  ExpectNear(process.LeakBytes(within), 20'000 * 100.0);
  ExpectNear(process.LeakBytes(without), 20'000 * 100.0);
}

TEST(RecorderTest, AModuleLoadedLaterIsListed) {
  const char* library = "libsqlite3.so.0";
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      {.arguments = {TIDEMARK_SUBJECT, "load", library}, .sample_bytes = 64}));
  if (process.mark("dlopen:") != 0) GTEST_SKIP() << library << " is not installed";
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  std::set<std::string> names;
  for (const LedgerModule& module : snapshot->modules)
    names.insert(std::filesystem::path(module.path).filename());
  EXPECT_THAT(names, ::testing::Contains(::testing::StartsWith("libsqlite3")));
  EXPECT_THAT(names, ::testing::Contains("libc.so.6"));
  EXPECT_THAT(names, ::testing::Contains("subject"));
  for (const LedgerModule& module : snapshot->modules) {
    const bool is_libc = module.path.find("libc.so.6") != std::string::npos;
    EXPECT_TRUE(!is_libc || module.build_id.size() == 20) << module.build_id.size();
  }
}

// Bytes of thread stacks on record whose pthread_create was called below `function`, or by anyone
// where it is empty.
uint64_t ThreadStackBytes(const RecordedProcess& process, const LedgerSnapshot& snapshot,
                          const std::string& function) {
  constexpr uint64_t kFunctionBytes = 512;
  uint64_t bytes = 0;
  for (const LedgerSample& sample : snapshot.live) {
    if (sample.size < 128 * 1024) continue;  // a block of the program
    const uint64_t mark = function.empty() ? 0 : process.mark(function);
    for (const uint64_t frame : snapshot.stacks[sample.stack].frames) {
      if (function.empty() || (frame > mark && frame - mark < kFunctionBytes)) {
        bytes += sample.size;
        break;
      }
    }
  }
  return bytes;
}

TEST(RecorderTest, StacksOfThreadsThatNobodyJoinedStayOnRecord) {
  constexpr uint64_t kStack = 256 * 1024;
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady({.arguments = {TIDEMARK_SUBJECT, "thread-stacks", "20"},
                                       .sample_bytes = 1 << 30,
                                       .environment = {"TIDEMARK_MMAP=1"}}));
  // The last detached threads may still be on their way out.
  for (int tries = 0; tries < 2000; ++tries) {
    const auto snapshot = process.Ledger();
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    if (ThreadStackBytes(process, *snapshot, "EndWell") == 0) break;
    usleep(5'000);
  }
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(ThreadStackBytes(process, *snapshot, "EndWell"), 0u);
  EXPECT_EQ(ThreadStackBytes(process, *snapshot, "EndAllButJoin"), 20 * kStack);
  EXPECT_EQ(ThreadStackBytes(process, *snapshot, ""), 21 * kStack) << "and the one that waits";
}

TEST(RecorderTest, ThreadStacksAreLeftAloneUnlessAskedFor) {
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      {.arguments = {TIDEMARK_SUBJECT, "thread-stacks", "5"}, .sample_bytes = 1 << 30}));
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(ThreadStackBytes(process, *snapshot, ""), 0u);
}

class SelfCheckingTest : public ::testing::TestWithParam<uint64_t> {};

TEST_P(SelfCheckingTest, ReallocKeepsContents) {
  RecordedProcess process;
  const Finished finished =
      process.Run({.arguments = {TIDEMARK_SUBJECT, "realloc", "3000"}, .sample_bytes = GetParam()});
  EXPECT_EQ(finished.status, 0) << finished.errors;
}

TEST_P(SelfCheckingTest, EveryEntryPointDoesWhatItsManualSays) {
  RecordedProcess process;
  const Finished finished = process.Run(
      {.arguments = {TIDEMARK_SUBJECT, "entry-points", "1000"}, .sample_bytes = GetParam()});
  EXPECT_EQ(finished.status, 0) << finished.errors;
}

INSTANTIATE_TEST_SUITE_P(SampleBytes, SelfCheckingTest, ::testing::Values(1, 3000, 524288));

TEST(HostTest, RealProgramsGiveTheSameOutputAndStatus) {
  const std::vector<std::vector<std::string>> commands = {
      {"sort", "-r", "/etc/services"},
      {"sh", "-c", "ls /usr/bin | sort | md5sum; (echo sub | cat); exit 3"},
      {"ls", "/nonexistent"},
      {"python3", "-c",
       "import json,sys;print(len(json.dumps([list(range(i)) for i in range(400)])));sys.exit(5)"},
      {"sqlite3", ":memory:",
       "create table t(a);with recursive c(x) as (values(1) union all select x+1 from c where "
       "x<20000) "
       "insert into t select randomblob(100) from c;select count(*),sum(length(a)) from t;"},
      {"git", "--version"},
      {"perl", "-e", "my %h; $h{$_} = 'x' x $_ for 1..2000; print scalar(keys %h)"},
  };
  for (const auto& command : commands) {
    if (!Installed(command[0].c_str())) continue;
    SCOPED_TRACE(command[0]);
    RecordedProcess plain, recorded;
    const Finished expected = plain.Run({.arguments = command, .preload = "none"});
    const Finished finished = recorded.Run({.arguments = command, .sample_bytes = 500});
    EXPECT_EQ(finished.output, expected.output);
    EXPECT_EQ(finished.errors, expected.errors);
    EXPECT_EQ(finished.status, expected.status);
  }
}

TEST(HostTest, AProgramThatTookNoSampleLeavesNoFile) {
  RecordedProcess process;
  process.Run({.arguments = {"ls", "/"}, .sample_bytes = uint64_t{1} << 39});
  EXPECT_TRUE(process.LedgerFiles().empty());
}

TEST(HostTest, DisabledMeansNoFile) {
  RecordedProcess process;
  const Finished finished = process.Run({.arguments = {TIDEMARK_SUBJECT, "entry-points", "50"},
                                         .sample_bytes = 1,
                                         .environment = {"TIDEMARK_DISABLE=1"}});
  EXPECT_EQ(finished.status, 0) << finished.errors;
  EXPECT_TRUE(process.LedgerFiles().empty());
}

TEST(HostTest, WithoutAFolderTheProgramRunsUnrecorded) {
  RecordedProcess process;
  const Finished finished = process.Run({.arguments = {TIDEMARK_SUBJECT, "entry-points", "50"},
                                         .sample_bytes = 1,
                                         .environment = {"TIDEMARK_DIR=/proc/no/such/folder"}});
  EXPECT_EQ(finished.status, 0) << finished.errors;
}

// Runs `program` with shell limits; returns the reason its ledger gives for being off (kNone when
// there is no ledger).
OffReason ReasonUnder(const std::string& limits, const std::string& program,
                      std::string preload = "") {
  RecordedProcess process;
  const Finished finished = process.Run({.arguments = {"sh", "-c", limits + " exec " + program},
                                         .sample_bytes = 1000,
                                         .preload = std::move(preload)});
  EXPECT_EQ(finished.status, 0) << finished.errors;
  const auto files = process.LedgerFiles();
  if (files.empty()) return OffReason::kNone;
  const auto snapshot = ReadLedger(files[0]);
  EXPECT_TRUE(snapshot);
  return snapshot ? snapshot->header.off_reason : OffReason::kNone;
}

TEST(HostTest, WithoutAddressSpaceItIsOffAndSaysSo) {
  EXPECT_EQ(ReasonUnder("ulimit -v 4000000;", TIDEMARK_SUBJECT " entry-points 50"),
            OffReason::kAddressSpace);
}

TEST(HostTest, AFileSizeLimitDoesNotKillTheProgram) {
  ReasonUnder("ulimit -f 100;", TIDEMARK_SUBJECT " entry-points 50");
}

TEST(HostTest, AProgramsOwnAllocatorIsLeftAlone) {
  EXPECT_EQ(ReasonUnder("", TIDEMARK_OWN_ALLOCATOR), OffReason::kForeignAllocator);
}

TEST(HostTest, AnotherPreloadedAllocatorIsLeftAlone) {
  const std::string jemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
  if (!std::filesystem::exists(jemalloc)) GTEST_SKIP() << jemalloc << " is not installed";
  for (const std::string& order :
       {std::string(TIDEMARK_PRELOAD) + ":" + jemalloc, jemalloc + ":" + TIDEMARK_PRELOAD}) {
    EXPECT_EQ(ReasonUnder("", "sort -r /etc/services -o /dev/null", order),
              OffReason::kForeignAllocator)
        << order;
  }
}

TEST(HostTest, AProgramsOwnOperatorNewIsKeptAndMallocStillSampled) {
  RecordedProcess process;
  const Finished finished =
      process.Run({.arguments = {TIDEMARK_OWN_OPERATOR_NEW}, .sample_bytes = 1000});
  EXPECT_EQ(finished.status, 0) << finished.errors;
  EXPECT_EQ(finished.output, "fine\n");
  const auto files = process.LedgerFiles();
  ASSERT_EQ(files.size(), 1u);
  EXPECT_GT(ReadLedger(files[0])->header.samples, 1000u);
}

}  // namespace
}  // namespace tidemark::crash
