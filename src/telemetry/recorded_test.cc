// What the SDK says inside a recorded process, and inside one that is not.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/files.h"
#include "codec/pprof.h"
#include "model/stack.h"

namespace tidemark::sdk {
namespace {

namespace fs = std::filesystem;

class RecordedTest : public testing::Test {
 protected:
  void SetUp() override {
#ifndef RECORDED_PROGRAM
    GTEST_SKIP() << "the recorder is not built here, or everything is sanitized";
#endif
    char name[] = "/tmp/telemetry_test.XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    folder_ = name;
  }
  void TearDown() override {
    if (!folder_.empty()) fs::remove_all(folder_);
  }

#ifdef RECORDED_PROGRAM
  // Standard output of the program, which is recorded or not.
  std::string Run(bool recorded) const {
    const std::string preload = recorded ? "LD_PRELOAD=" RECORDER_LIBRARY " TIDEMARK_DIR=" + folder_
                                         : std::string("TIDEMARK_DIR=") + folder_;
    const std::string command = "env TIDEMARK_SAMPLE_BYTES=64K OTEL_SERVICE_NAME=subject " +
                                preload + " " RECORDED_PROGRAM " " + folder_;
    FILE* pipe = popen(command.c_str(), "r");
    std::string out;
    char chunk[4096];
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, pipe)) > 0;) out.append(chunk, n);
    EXPECT_EQ(pclose(pipe), 0) << out;
    return out;
  }
#else
  std::string Run(bool) const { return ""; }
#endif

  Profile Read(const std::string& file) const {
    const auto bytes = ReadWholeFile(folder_ + "/" + file, 64 << 20);
    EXPECT_TRUE(bytes);
    auto profile = DecodeProfile(*bytes);
    EXPECT_TRUE(profile) << profile.error().message;
    return profile.value_or({});
  }

  std::string folder_;
};

double ValueOf(const std::string& out, const std::string& metric) {
  const size_t at = ("\n" + out).find("\n" + metric + " ");
  if (at == std::string::npos) return -1;
  return std::atof(out.c_str() + at + metric.size() + 1);
}

bool HasFunction(const Profile& profile, const std::string& part) {
  for (const Function& function : profile.functions) {
    if (function.name.find(part) != std::string::npos) return true;
  }
  return false;
}

bool HasComment(const Profile& profile, const std::string& comment) {
  for (const std::string& line : profile.comments) {
    if (line.starts_with(comment)) return true;
  }
  return false;
}

TEST_F(RecordedTest, LiveBytesTheirErrorAndSurvivorsComeFromTheOwnLedger) {
  const std::string out = Run(true);
  constexpr double kKept = 64.0 * (1 << 20);
  EXPECT_NEAR(ValueOf(out, "tidemark.heap.live"), kKept, kKept / 20) << out;
  EXPECT_GE(ValueOf(out, "tidemark.heap.live.standard_error"), 0);
  EXPECT_GE(ValueOf(out, "tidemark.heap.allocated"), kKept * 0.95);
  EXPECT_NEAR(ValueOf(out, "tidemark.heap.survivors"), kKept, kKept / 20);
  EXPECT_EQ(ValueOf(out, "tidemark.heap.sample_interval"), 65536);
  EXPECT_EQ(ValueOf(out, "tidemark.spans.active"), 1);
  const size_t again = out.find("with the span known to be active\n");
  ASSERT_NE(again, std::string::npos);
  EXPECT_EQ(ValueOf(out.substr(again), "tidemark.heap.survivors"), 0);
}

TEST_F(RecordedTest, ACaptureHasNamesSpansAndAnnotations) {
  const std::string out = Run(true);
  const Profile profile = Read("named.pb.gz");
  EXPECT_TRUE(HasFunction(profile, "KeepForEver"));
  EXPECT_TRUE(HasComment(profile, "trigger: test"));
  EXPECT_TRUE(HasComment(profile, "ticket: T-1"));
  EXPECT_TRUE(HasComment(profile, "service: subject"));
  EXPECT_TRUE(HasComment(profile, "active_trace_ids: "));
  EXPECT_TRUE(HasComment(profile, "heaviest_trace_ids: "));
  bool labelled = false;
  for (const Sample& sample : profile.samples) labelled |= sample.labels.size() == 2;
  EXPECT_TRUE(labelled) << "trace_id and span_id";
  EXPECT_NE(out.find("no/such/folder.pb.gz"), std::string::npos) << "the error names the path";
}

TEST_F(RecordedTest, ACaptureWithoutSymbolsHasAddressesAndFiles) {
  Run(true);
  const Profile profile = Read("addresses.pb.gz");
  EXPECT_FALSE(HasFunction(profile, "KeepForEver"));
  ASSERT_FALSE(profile.mappings.empty());
  EXPECT_NE(profile.mappings[0].file.find("recorded_program"), std::string::npos);
  EXPECT_FALSE(profile.mappings[0].build_id.empty());
  EXPECT_GT(profile.locations.size(), 2u);
  const auto live = [](const Profile& p) {
    return static_cast<double>(p.Total(p.TypeIndex("inuse_space")));
  };
  EXPECT_NEAR(live(profile), live(Read("named.pb.gz")), 4 << 20) << "the SDK's own in between";
}

TEST_F(RecordedTest, WithoutTheRecorderThereIsNoLiveHeapAndCapturesSayWhy) {
  const std::string out = Run(false);
  EXPECT_EQ(ValueOf(out, "tidemark.heap.live"), -1);
  EXPECT_GT(ValueOf(out, "tidemark.allocator.in_use"), 64 << 20);
  EXPECT_NE(out.find("is not recorded"), std::string::npos) << out;
  EXPECT_FALSE(fs::exists(folder_ + "/named.pb.gz"));
}

}  // namespace
}  // namespace tidemark::sdk
