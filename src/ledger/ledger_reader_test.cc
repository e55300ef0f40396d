#include "ledger/ledger_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <random>

namespace tidemark {
namespace {

using namespace ledger;  // NOLINT: the test writes the format by hand

// A ledger in memory as the recorder would leave it: one module, stacks 0 and 1, one live sample.
class LedgerReaderTest : public ::testing::Test {
 protected:
  LedgerReaderTest() : words_(kFileSize / 8) {
    Header& h = *At<Header>(0);
    h = {.magic = kMagic,
         .version = kVersion,
         .header_size = sizeof(Header),
         .file_size = kFileSize,
         .modules = {kModulesOffset, kModuleCapacity, sizeof(Module)},
         .stacks = {kStacksOffset, kStackCapacity, sizeof(Stack)},
         .frames = {kFramesOffset, kFrameCapacity, sizeof(uint64_t)},
         .live = {kLiveOffset, kLiveCapacity, sizeof(LiveSample)},
         .pid = 42,
         .start_unix_ns = 1'700'000'000'000'000'000,
         .start_monotonic_ns = 5'000,
         .sample_bytes = 524288,
         .state = static_cast<uint32_t>(State::kActive),
         .samples = 7,
         .modules_used = 1,
         .stacks_used = 2,
         .frames_used = 3,
         .live_used = 2};
    std::strcpy(h.exe_path, "/usr/bin/service");
    Module& module = *At<Module>(kModulesOffset);
    module.state = 1;
    module.start = 0x1000;
    module.limit = 0x9000;
    module.file_offset = 0x1000;
    module.build_id_bytes = 3;
    std::memcpy(module.build_id, "\xab\x00\xcd", 3);
    std::strcpy(module.path, "/usr/bin/service");
    module.path_bytes = 16;
    At<Stack>(kStacksOffset)->state = 1;
    Stack& stack = At<Stack>(kStacksOffset)[1];
    stack = {.state = 1,
             .hash = 9,
             .first_frame = 0,
             .depth = 3,
             .samples = 7,
             .alloc_bytes = 3.5e6,
             .alloc_objects = 7};
    for (uint64_t i = 0; i < 3; ++i) At<uint64_t>(kFramesOffset)[i] = 0x1100 + i;
    LiveSample& live = Live(1);
    live = {.state = 3 << 8 | kSlotLive,
            .address = 0x7000,
            .size = 64,
            .alloc_monotonic_ns = 6'000,
            .stack = 1};
    live.trace_id[0] = 1;
    live.span_id[7] = 2;
  }

  template <typename T>
  T* At(uint64_t offset) {
    return reinterpret_cast<T*>(reinterpret_cast<uint8_t*>(words_.data()) + offset);
  }
  LiveSample& Live(int i) { return At<LiveSample>(kLiveOffset)[i]; }
  Result<LedgerSnapshot> Parse() { return ParseLedger(At<uint8_t>(0), kFileSize); }

  std::vector<uint64_t> words_;
};

TEST_F(LedgerReaderTest, GivesBackWhatWasWritten) {
  const auto snapshot = Parse();
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->header.pid, 42u);
  EXPECT_EQ(snapshot->header.exe_path, "/usr/bin/service");
  EXPECT_EQ(snapshot->header.samples, 7u);
  ASSERT_EQ(snapshot->modules.size(), 1u);
  EXPECT_EQ(snapshot->modules[0].build_id, std::string("\xab\x00\xcd", 3));
  EXPECT_EQ(snapshot->modules[0].path, "/usr/bin/service");
  ASSERT_EQ(snapshot->stacks.size(), 2u);
  EXPECT_THAT(snapshot->stacks[1].frames, ::testing::ElementsAre(0x1100, 0x1101, 0x1102));
  EXPECT_EQ(snapshot->stacks[1].alloc_bytes, 3.5e6);
  ASSERT_EQ(snapshot->live.size(), 1u);
  EXPECT_EQ(snapshot->live[0].stack, 1u);
  EXPECT_TRUE(snapshot->live[0].has_span);
  EXPECT_EQ(snapshot->live[0].span_id[7], 2);
  EXPECT_EQ(snapshot->live[0].alloc_unix_ns, 1'700'000'000'000'001'000);
  EXPECT_EQ(snapshot->damaged, 0u);
}

TEST_F(LedgerReaderTest, WeightsAreThoseOfTheSlotsOwnInterval) {
  EXPECT_NEAR(Parse()->live[0].objects, 8192.5, 0.01);
  EXPECT_NEAR(Parse()->live[0].bytes, 524320, 0.5);
  Live(1).interval_shift = 1;
  EXPECT_NEAR(Parse()->live[0].objects, 16384.5, 0.01);
}

TEST_F(LedgerReaderTest, AFreeSlotIsNoSample) {
  Live(1).state = 4 << 8 | kSlotFree;
  const auto snapshot = Parse();
  EXPECT_TRUE(snapshot->live.empty());
  EXPECT_EQ(snapshot->damaged, 0u);
}

TEST_F(LedgerReaderTest, ImpossibleSlotsAreSkippedAndCounted) {
  struct Case {
    const char* name;
    void (*damage)(LiveSample*);
  };
  const Case cases[] = {
      {"stack index beyond the table", [](LiveSample* live) { live->stack = 77; }},
      {"size zero", [](LiveSample* live) { live->size = 0; }},
      {"interval doubled 33 times", [](LiveSample* live) { live->interval_shift = 33; }},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const LiveSample before = Live(1);
    c.damage(&Live(1));
    const auto snapshot = Parse();
    ASSERT_TRUE(snapshot);
    EXPECT_TRUE(snapshot->live.empty());
    EXPECT_EQ(snapshot->damaged, 1u);
    Live(1) = before;
  }
}

TEST_F(LedgerReaderTest, AStackThatCannotBeTakesItsSamplesAlong) {
  At<Stack>(kStacksOffset)[1].depth = 65;
  auto snapshot = Parse();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->damaged, 2u) << "the stack, and the sample that points at it";
  At<Stack>(kStacksOffset)[1].depth = 3;
  At<Stack>(kStacksOffset)[1].alloc_bytes = std::nan("");
  EXPECT_EQ(Parse()->damaged, 2u);
}

TEST_F(LedgerReaderTest, AnotherFileIsRefusedWithTheReason) {
  const auto message = [this] {
    const auto snapshot = Parse();
    return snapshot ? std::string() : snapshot.error().message;
  };
  Header& h = *At<Header>(0);
  h.version = 2;
  EXPECT_THAT(message(), ::testing::HasSubstr("version 2"));
  h.version = 1;
  h.live.capacity = 1 << 30;
  EXPECT_THAT(message(), ::testing::HasSubstr("section table"));
  h.live.capacity = kLiveCapacity;
  h.sample_bytes = 0;
  EXPECT_THAT(message(), ::testing::HasSubstr("interval of 0"));
  h.sample_bytes = 1;
  h.magic = 0;
  EXPECT_EQ(Parse().error().code, ErrorCode::kUnavailable);
  h.magic = 1;
  EXPECT_EQ(Parse().error().code, ErrorCode::kCorrupt);
}

TEST_F(LedgerReaderTest, EveryCutIsAnErrorOrASmallerLedger) {
  for (const uint64_t size :
       {uint64_t{0}, uint64_t{7}, uint64_t{sizeof(Header)}, kStacksOffset, kLiveOffset + 64}) {
    EXPECT_FALSE(ParseLedger(At<uint8_t>(0), size)) << size;
  }
  EXPECT_TRUE(ParseLedger(At<uint8_t>(0), kLiveOffset + 128)) << "all that is used is there";
}

TEST_F(LedgerReaderTest, RandomDamageNeverYieldsAnImpossibleSnapshot) {
  std::mt19937_64 random(7);
  const uint64_t sections[] = {0, kModulesOffset, kStacksOffset, kFramesOffset, kLiveOffset};
  const std::vector<uint64_t> whole = words_;
  for (int round = 0; round < 500; ++round) {
    words_ = whole;
    for (int flip = 0; flip < 4; ++flip) {
      At<uint8_t>(sections[random() % 5])[random() % 512] ^=
          static_cast<uint8_t>(1u << random() % 8);
    }
    const auto snapshot = Parse();
    if (!snapshot) continue;
    for (const LedgerSample& sample : snapshot->live) {
      ASSERT_LT(sample.stack, snapshot->stacks.size());
      ASSERT_TRUE(std::isfinite(sample.bytes) && sample.bytes > 0);
    }
    for (const LedgerModule& module : snapshot->modules) ASSERT_LT(module.start, module.limit);
  }
}

TEST_F(LedgerReaderTest, FilesAreReadAndTheirErrorsNameThem) {
  const std::string path = ::testing::TempDir() + "/reader_test." + std::to_string(getpid());
  EXPECT_EQ(ReadLedger(path).error().code, ErrorCode::kNotFound);
  std::ofstream(path, std::ios::binary).write(At<char>(0), kFileSize);
  const auto snapshot = ReadLedger(path);
  ASSERT_TRUE(snapshot) << snapshot.error().message;
  EXPECT_EQ(snapshot->live.size(), 1u);
  ASSERT_EQ(truncate(path.c_str(), 100), 0);
  EXPECT_THAT(ReadLedger(path).error().message, ::testing::HasSubstr(path));
  unlink(path.c_str());
  EXPECT_EQ(ReadLedger("/").error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace tidemark
