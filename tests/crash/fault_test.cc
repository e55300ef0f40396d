// Hosts that are hard on a recorder: forks, spawns, libraries that come and go, threads that die,
// signal handlers, other allocators. Whatever they do, their output and exit status are what they
// are without it.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "recorded_process.h"

namespace tidemark::crash {
namespace {

using ledger::OffReason;
using ledger::State;

constexpr const char* kJemalloc = "/usr/lib/x86_64-linux-gnu/libjemalloc.so.2";
constexpr const char* kTcmalloc = "/usr/lib/x86_64-linux-gnu/libtcmalloc.so.4";

void ExpectSame(const Finished& finished, const Finished& expected) {
  EXPECT_EQ(finished.output, expected.output);
  EXPECT_EQ(finished.errors, expected.errors);
  EXPECT_EQ(finished.status, expected.status);
}

struct Case {
  const char* mode;
  const char* count;
  uint64_t sample_bytes;
};
void PrintTo(const Case& c, std::ostream* out) { *out << c.mode << ' ' << c.sample_bytes; }

class StressTest : public ::testing::TestWithParam<Case> {};

TEST_P(StressTest, TheHostIsTheSame) {
  const Case& c = GetParam();
  RecordedProcess plain, recorded;
  const RunOptions without = {.arguments = {TIDEMARK_FAULT_SUBJECT, c.mode, c.count},
                              .preload = "none"};
  RunOptions with = without;
  with.preload = "";
  with.sample_bytes = c.sample_bytes;
  const Finished expected = plain.Run(without);
  ASSERT_EQ(expected.status, 0) << expected.errors;
  ExpectSame(recorded.Run(with), expected);
  EXPECT_FALSE(recorded.LedgerFiles().empty()) << "it was not recorded at all";
  for (const std::string& file : recorded.LedgerFiles()) {
    const auto snapshot = ReadLedger(file);
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(snapshot->damaged, 0u) << file;
    // A thread that is killed while it holds the lock ends the recording, and nothing else.
    const bool gave_up =
        std::string(c.mode) == "die" && snapshot->header.off_reason == OffReason::kLockTimeout;
    EXPECT_TRUE(gave_up || snapshot->header.state != State::kOff)
        << LedgerOffReasonName(snapshot->header.off_reason);
  }
}

// 1: everything is sampled. 2,000: about every tenth block.
INSTANTIATE_TEST_SUITE_P(Host, StressTest,
                         ::testing::Values(Case{"forks", "1000", 2000}, Case{"forks", "100", 1},
                                           Case{"spawns", "20", 2000}, Case{"spawns", "5", 1},
                                           Case{"daemon", "1", 500}, Case{"load", "2000", 2000},
                                           Case{"load", "300", 1}, Case{"threads", "100", 2000},
                                           Case{"threads", "30", 1}, Case{"signals", "60", 2000},
                                           Case{"signals", "60", 1}, Case{"die", "20", 65536},
                                           Case{"die", "20", 1}),
                         [](const auto& info) {
                           return std::string(info.param.mode) +
                                  (info.param.sample_bytes == 1 ? "EachBlock" : "Some");
                         });

// The subject under `preload`; the reason its ledger gives for being off, kNone while it records or
// without a ledger.
OffReason RunUnder(const char* subject, const std::string& preload) {
  RecordedProcess plain, recorded;
  const Finished expected = plain.Run({.arguments = {subject, "threads", "5"}, .preload = "none"});
  ExpectSame(recorded.Run({.arguments = {subject, "threads", "5"}, .preload = preload}), expected);
  OffReason reason = OffReason::kNone;
  for (const std::string& file : recorded.LedgerFiles()) {
    const auto snapshot = ReadLedger(file);
    EXPECT_TRUE(snapshot) << snapshot.error().message;
    if (snapshot) reason = snapshot->header.off_reason;
  }
  return reason;
}

TEST(AllocatorTest, JemallocAndTcmallocAreDetectedAndNamedAsTheReason) {
  for (const char* allocator : {kJemalloc, kTcmalloc}) {
    if (!std::filesystem::exists(allocator)) GTEST_SKIP() << allocator << " is not installed";
    for (const std::string& order : {std::string(TIDEMARK_PRELOAD) + ":" + allocator,
                                     std::string(allocator) + ":" + TIDEMARK_PRELOAD}) {
      EXPECT_EQ(RunUnder(TIDEMARK_FAULT_SUBJECT, order), OffReason::kForeignAllocator) << order;
    }
  }
}

TEST(AllocatorTest, OneThatPassesOnToTheNextMayBeLinkedIn) {
  EXPECT_EQ(RunUnder(TIDEMARK_WRAPPED_SUBJECT, ""), OffReason::kForeignAllocator);
}

TEST(AllocatorTest, OneThatPassesOnToTheNextMayBePreloadedBeforeOrAfter) {
  const std::string before = std::string(TIDEMARK_WRAPPING_ALLOCATOR) + ":" + TIDEMARK_PRELOAD;
  const std::string after = std::string(TIDEMARK_PRELOAD) + ":" + TIDEMARK_WRAPPING_ALLOCATOR;
  EXPECT_EQ(RunUnder(TIDEMARK_FAULT_SUBJECT, before), OffReason::kForeignAllocator);
  EXPECT_EQ(RunUnder(TIDEMARK_FAULT_SUBJECT, after), OffReason::kForeignAllocator);
}

TEST(AllocatorTest, TwoRecordersDoNoHarm) {
  RecordedProcess folder;
  const std::string copy = folder.folder() + "/libsecond.so";
  std::filesystem::copy_file(TIDEMARK_PRELOAD, copy);
  RunUnder(TIDEMARK_FAULT_SUBJECT, std::string(TIDEMARK_PRELOAD) + ":" + TIDEMARK_PRELOAD);
  RunUnder(TIDEMARK_FAULT_SUBJECT, std::string(TIDEMARK_PRELOAD) + ":" + copy);
}

// A program that changes its user when it starts, and has the recorder linked in: the loader would
// not preload it.
TEST(SecureTest, ItStaysOffInASetuidProgram) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to make a program of another user";
  constexpr uid_t kNobody = 65534;
  RecordedProcess process;
  const std::string program = process.folder() + "/linked";
  std::filesystem::copy_file(TIDEMARK_LINKED_SUBJECT, program);
  ASSERT_EQ(chmod(process.folder().c_str(), 0777), 0);
  ASSERT_EQ(chown(program.c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(chmod(program.c_str(), 04755), 0);
  const Finished finished =
      process.Run({.arguments = {program, "secure"}, .sample_bytes = 1, .preload = "none"});
  ASSERT_EQ(finished.status, 0) << finished.errors;
  if (finished.output == "secure 0\nsecure: fine\n") GTEST_SKIP() << "the folder is mounted nosuid";
  EXPECT_EQ(finished.output, "secure 1\nsecure: fine\n");
  EXPECT_EQ(process.LedgerFiles(), std::vector<std::string>{program}) << "no ledger";
}

TEST(SecureTest, LinkedInItRecordsAnOrdinaryProgram) {
  RecordedProcess process;
  const Finished finished = process.Run(
      {.arguments = {TIDEMARK_LINKED_SUBJECT, "secure"}, .sample_bytes = 1, .preload = "none"});
  EXPECT_EQ(finished.output, "secure 0\nsecure: fine\n");
  EXPECT_EQ(process.LedgerFiles().size(), 1u);
}

}  // namespace
}  // namespace tidemark::crash
