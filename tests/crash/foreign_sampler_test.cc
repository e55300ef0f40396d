// Another allocator's sampler fills the ledger: a fixture with jemalloc's contract, and jemalloc
// where one with hooks is to be had ($TIDEMARK_JEMALLOC, or the system's).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>

#include "recorded_process.h"

namespace tidemark::crash {
namespace {

using ledger::OffReason;
using ledger::State;

constexpr long kBlocks = 100'000;
const std::string kRecorder = TIDEMARK_PRELOAD;

std::string Jemalloc() {
  const char* named = std::getenv("TIDEMARK_JEMALLOC");
  return named != nullptr ? named : "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
}

RunOptions Under(const std::string& preload, std::vector<std::string> arguments) {
  return {.arguments = std::move(arguments),
          .sample_bytes = 77'777,  // is not asked
          .environment = {"MALLOC_CONF=prof:true,lg_prof_sample:12"},
          .preload = preload};
}

// `usable`: what the allocator makes of 100 bytes. Within 2 % and five standard errors, as in
// recorder_process_test.cc.
void ExpectLeak(const RecordedProcess& process, const LedgerSnapshot& snapshot, double usable) {
  EXPECT_EQ(snapshot.header.sample_bytes, 4096u);
  const auto estimate = process.LeakBytes(snapshot);
  const double truth = usable * kBlocks;
  EXPECT_NEAR(estimate.bytes, truth, 0.02 * truth + 5 * estimate.error) << estimate.samples;
  double live = 0;
  for (const LedgerSample& sample : snapshot.live) {
    live += sample.bytes;
    const auto& frames = snapshot.stacks[sample.stack].frames;
    if (process.IsLeakStack(snapshot.stacks[sample.stack])) {
      const uint64_t leaf = process.mark("LeakHere");
      EXPECT_TRUE(frames[0] > leaf && frames[0] - leaf < 512) << "the allocator's frames are gone";
    }
  }
  EXPECT_LT(live, 1.5 * truth) << "freed traffic is off the record";
  EXPECT_GT(snapshot.header.sampled_frees, 1'000u);
}

class ForeignSamplerTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ForeignSamplerTest, ItsSamplesFillTheLedger) {
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      Under(GetParam(), {TIDEMARK_SUBJECT, "leak", std::to_string(kBlocks)})));
  process.KillHard();
  const auto snapshot = process.Ledger();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->header.state, State::kActive);
  ExpectLeak(process, *snapshot, 104);
}

TEST_P(ForeignSamplerTest, ReallocsInPlaceAreCountedOnce) {
  RecordedProcess process;
  const Finished finished = process.Run(Under(GetParam(), {TIDEMARK_SUBJECT, "realloc", "3000"}));
  EXPECT_EQ(finished.status, 0) << finished.errors;
  const auto files = process.LedgerFiles();
  ASSERT_EQ(files.size(), 1u);
  const auto snapshot = ReadLedger(files[0]);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_GT(snapshot->header.samples, 1'000u);
  EXPECT_LT(snapshot->live.size(), 64u) << "all of its blocks were freed";
}

TEST_P(ForeignSamplerTest, AForkedChildHasALedgerOfItsOwn) {
  RecordedProcess process;
  ASSERT_TRUE(process.StartUntilReady(
      Under(GetParam(), {TIDEMARK_SUBJECT, "fork", std::to_string(kBlocks)}), 2));
  const auto child = process.Ledger(static_cast<pid_t>(process.mark("child")));
  ASSERT_TRUE(child) << child.error().message;
  EXPECT_TRUE(child->header.forked);
  const auto estimate = process.LeakBytes(*child);
  EXPECT_NEAR(estimate.bytes, 104.0 * kBlocks / 2, 104.0 * kBlocks / 100 + 5 * estimate.error);
}

INSTANTIATE_TEST_SUITE_P(
    LoadOrder, ForeignSamplerTest,
    ::testing::Values(kRecorder + ":" + TIDEMARK_SAMPLING_ALLOCATOR,
                      std::string(TIDEMARK_SAMPLING_ALLOCATOR) + ":" + kRecorder),
    [](const auto& info) { return info.index == 0 ? "BehindUs" : "BeforeUs"; });

TEST(JemallocTest, ItsSamplesFillTheLedger) {
  if (access(Jemalloc().c_str(), R_OK) != 0) GTEST_SKIP() << Jemalloc() << " is not installed";
  for (const std::string& preload : {kRecorder + ":" + Jemalloc(), Jemalloc() + ":" + kRecorder}) {
    SCOPED_TRACE(preload);
    RecordedProcess process;
    ASSERT_TRUE(process.StartUntilReady(
        Under(preload, {TIDEMARK_SUBJECT, "leak", std::to_string(kBlocks)})));
    process.KillHard();
    const auto snapshot = process.Ledger();
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    if (snapshot->header.off_reason == OffReason::kForeignAllocator)
      GTEST_SKIP() << Jemalloc() << " has no hooks for its samples (they came with 5.3.1)";
    ExpectLeak(process, *snapshot, 112);
  }
}

TEST(JemallocTest, ReallocsAreCountedOnce) {
  if (access(Jemalloc().c_str(), R_OK) != 0) GTEST_SKIP() << Jemalloc() << " is not installed";
  RecordedProcess process;
  const Finished finished =
      process.Run(Under(kRecorder + ":" + Jemalloc(), {TIDEMARK_SUBJECT, "realloc", "3000"}));
  EXPECT_EQ(finished.status, 0) << finished.errors;
  const auto files = process.LedgerFiles();
  ASSERT_EQ(files.size(), 1u);
  const auto snapshot = ReadLedger(files[0]);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  if (snapshot->header.off_reason == OffReason::kForeignAllocator)
    GTEST_SKIP() << Jemalloc() << " has no hooks for its samples (they came with 5.3.1)";
  EXPECT_GT(snapshot->header.samples, 1'000u);
  EXPECT_LT(snapshot->live.size(), 64u);
}

}  // namespace
}  // namespace tidemark::crash
