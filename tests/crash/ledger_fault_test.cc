// What can happen to the ledger under the recorder's feet: its writer killed at any instant, a full
// disk, a folder that goes away, another process that writes to the file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "recorded_process.h"

namespace tidemark::crash {
namespace {

using ledger::Loss;

constexpr const char* kStretches = "6";

// What the subject's stretches print without a recorder.
std::string ExpectedEnd() {
  RecordedProcess plain;
  const Finished finished = plain.Run(
      {.arguments = {TIDEMARK_FAULT_SUBJECT, "stretches", kStretches}, .preload = "none"});
  EXPECT_EQ(finished.status, 0) << finished.errors;
  return "stretches: fine\n";
}

bool StartStretches(RecordedProcess* process) {
  return process->StartUntilReady(
      {.arguments = {TIDEMARK_FAULT_SUBJECT, "stretches", kStretches}, .sample_bytes = 64});
}

void ExpectFineEnd(RecordedProcess* process) {
  const Finished finished = process->Finish();
  EXPECT_EQ(finished.status, 0);
  EXPECT_TRUE(finished.output.ends_with(ExpectedEnd())) << finished.output;
}

TEST(LedgerFaultTest, KilledAtAnyInstantItReads) {
  constexpr int kKills = 60;
  std::mt19937 random(7);
  for (int i = 0; i < kKills; ++i) {
    RecordedProcess process;
    const int lines = 1 + static_cast<int>(random() % 40);
    ASSERT_TRUE(process.StartUntilReady(
        {.arguments = {TIDEMARK_FAULT_SUBJECT, "busy"}, .sample_bytes = 200}, lines));
    for (auto instant = random() % 200'000; instant > 0; --instant) asm volatile("");
    process.KillHard();
    const auto snapshot = process.Ledger();
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_EQ(snapshot->damaged, 0u);
    EXPECT_GT(snapshot->live.size(), 0u);
    const LedgerHeader& header = snapshot->header;
    const uint64_t counted = header.samples - header.sampled_frees - header.thinned;
    EXPECT_NEAR(static_cast<double>(snapshot->live.size()), static_cast<double>(counted), 2)
        << "one event may have been under way";
    std::set<uint64_t> addresses;
    for (const LedgerSample& sample : snapshot->live) addresses.insert(sample.address);
    EXPECT_EQ(addresses.size(), snapshot->live.size()) << "a block is in two slots";
  }
}

// 1 MiB of disk for a ledger of 9.5 MB; `fill_bytes` of it are taken.
void RunOnSmallDisk(size_t fill_bytes, bool expect_ledger) {
  RecordedProcess process;
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tidemark", process.folder().c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "may not mount a small disk: " << std::strerror(errno);
  }
  std::ofstream(process.folder() + "/fill") << std::string(fill_bytes, 'x');
  RecordedProcess plain;
  const RunOptions options = {.arguments = {TIDEMARK_FAULT_SUBJECT, "threads", "20"},
                              .sample_bytes = 1};
  RunOptions without = options;
  without.preload = "none";
  const Finished finished = process.Run(options);
  const Finished expected = plain.Run(without);
  EXPECT_EQ(finished.output, expected.output);
  EXPECT_EQ(finished.errors, expected.errors);
  EXPECT_EQ(finished.status, expected.status);
  const auto files = process.LedgerFiles();
  EXPECT_EQ(files.size(), expect_ledger ? 2u : 1u);
  for (const std::string& file : files) {
    if (!file.ends_with(".ledger")) continue;
    const auto snapshot = ReadLedger(file);
    ASSERT_TRUE(snapshot) << snapshot.error().message;
    EXPECT_GT(snapshot->header.samples, 0u);
  }
  EXPECT_EQ(umount2(process.folder().c_str(), MNT_DETACH), 0);
}

TEST(LedgerFaultTest, ADiskThatFillsUpStopsTheLedgerNotTheHost) {
  RunOnSmallDisk(600 * 1024, true);
}

TEST(LedgerFaultTest, OnAFullDiskThereIsNoLedger) { RunOnSmallDisk(2 << 20, false); }

TEST(LedgerFaultTest, TheFolderMayGoAway) {
  RecordedProcess process;
  ASSERT_TRUE(StartStretches(&process));
  std::filesystem::remove_all(process.folder());
  ASSERT_TRUE(process.NextReady());
  ExpectFineEnd(&process);
}

// Another process overwrites every byte: the recorder keeps what it needs in memory of its own.
TEST(LedgerFaultTest, GarbageInTheFileDoesNotReachTheHost) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    RecordedProcess process;
    ASSERT_TRUE(StartStretches(&process));
    const auto files = process.LedgerFiles();
    ASSERT_EQ(files.size(), 1u);
    std::mt19937 random(seed);
    std::string garbage(ledger::kFileSize, 0);
    for (char& byte : garbage) byte = static_cast<char>(seed == 1 ? 0xff : random());
    for (int round = 0; round < 3; ++round) {
      std::fstream(files[0], std::ios::in | std::ios::out | std::ios::binary) << garbage;
      ASSERT_TRUE(process.NextReady());
      const auto snapshot = ReadLedger(files[0]);
      EXPECT_TRUE(snapshot || snapshot.error().code == ErrorCode::kCorrupt)
          << snapshot.error().message;
    }
    ExpectFineEnd(&process);
  }
}

TEST(LedgerFaultTest, TheFileMayBeCutShort) {
  for (const off_t bytes : {off_t{0}, off_t{4096}, static_cast<off_t>(ledger::kFileSize / 2)}) {
    SCOPED_TRACE(bytes);
    RecordedProcess process;
    ASSERT_TRUE(StartStretches(&process));
    const auto files = process.LedgerFiles();
    ASSERT_EQ(files.size(), 1u);
    ASSERT_EQ(truncate(files[0].c_str(), bytes), 0);
    ASSERT_TRUE(process.NextReady());
    ExpectFineEnd(&process);
  }
}

}  // namespace
}  // namespace tidemark::crash
