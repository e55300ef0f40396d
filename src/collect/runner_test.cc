// End to end on real processes: a leaking program under RunCommand, seen through its endpoint, its
// report, and what it pushes.
#include "collect/runner.h"

#ifdef LEAK_PROGRAM

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include "base/time.h"
#include "codec/pprof.h"
#include "collect/child_process.h"
#include "collect/fixture/receiver.h"
#include "collect/report.h"
#include "net/http_client.h"

namespace tidemark {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// RunCommand in a process of its own, with what it wrote.
class RecordedRun {
 public:
  RecordedRun(const std::string& server, const std::string& format,
              std::vector<std::string> command, const std::string& sample_bytes = "32768") {
    folder_ = std::filesystem::temp_directory_path() / "runner-test-XXXXXX";
    std::string folder = folder_.string();
    EXPECT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    ChildCommand child;
    child.arguments = {"/bin/sh",    "-c",        "exec \"$@\" >\"$0/out\" 2>\"$0/err\"",
                       folder,       RUN_PROGRAM, server,
                       sample_bytes, "200",       RECORDER_LIBRARY,
                       format};
    child.arguments.insert(child.arguments.end(), command.begin(), command.end());
    for (char** entry = environ; *entry != nullptr; ++entry) {
      if (!std::string(*entry).starts_with("OTEL_")) child.environment.emplace_back(*entry);
    }
    child.environment.emplace_back("OTEL_RESOURCE_ATTRIBUTES=deployment.environment.name=test");
    auto pid = StartChild(child);
    EXPECT_TRUE(pid);
    pid_ = pid ? *pid : 0;
  }
  ~RecordedRun() {
    if (!end_ && pid_ > 0) kill(pid_, SIGTERM);
    if (pid_ > 0) Wait();
    std::filesystem::remove_all(folder_);
  }
  int Wait() {
    if (!Eventually([this] { return end_ || (end_ = PollChild(pid_)); })) return -1;
    return end_->exit_status;
  }
  std::string Out() const { return Read("out"); }
  std::string Err() const { return Read("err"); }
  void Signal(int signal) const { kill(pid_, signal); }

  // The number that follows `before` in the output, once it is there.
  uint64_t NumberAfter(const std::string& before, bool in_out) {
    uint64_t number = 0;
    Eventually([&] {
      const std::string text = in_out ? Out() : Err();
      const size_t at = text.find(before);
      if (at == std::string::npos || text.find('\n', at) == std::string::npos) return false;
      number = std::strtoull(text.c_str() + at + before.size(), nullptr, 10);
      return true;
    });
    return number;
  }
  uint64_t Port() { return NumberAfter("http://127.0.0.1:", false); }
  uint64_t LeakedPid() { return NumberAfter("leaked ", true); }

 private:
  std::string Read(const char* name) const {
    std::ifstream in(folder_ / name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::filesystem::path folder_;
  pid_t pid_ = 0;
  std::optional<ChildEnd> end_;
};

std::string LeafOf(const StackTotal& stack) { return stack.frames.front().function; }

// 20 MiB in blocks of 1 KiB at 32 KiB: 640 samples, 4 % a sigma; five sigmas fail in 1 of 10^6.
void ExpectTwentyMegabytes(int64_t bytes) {
  EXPECT_GT(bytes, 16 << 20);
  EXPECT_LT(bytes, 25 << 20);
}

TEST(RunnerTest, EndpointShowsTheLeakWhileTheProgramRuns) {
  RecordedRun run("", "text", {LEAK_PROGRAM, "20", "wait"});
  ASSERT_NE(run.LeakedPid(), 0u) << run.Err();
  HttpCall call;
  call.url = "http://127.0.0.1:" + std::to_string(run.Port()) + "/debug/pprof/heap?gc=1";
  const auto reply = Fetch(call);
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->status, 200) << reply->body;
  const auto profile = DecodeProfile(reply->body);
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_EQ(profile->default_sample_type, "inuse_space");
  EXPECT_EQ(profile->period, 32768);
  EXPECT_THAT(profile->comments, Contains("version: 1.2.3"));
  EXPECT_THAT(profile->comments, Contains(StartsWith("live_bytes: ")));
  EXPECT_TRUE(std::any_of(profile->samples.begin(), profile->samples.end(), [](const Sample& s) {
    return !s.labels.empty() && s.labels.back().key == "age" && s.labels.back().unit == "seconds";
  }));
  const HeapSummary summary = Summarize(*profile, nullptr, {});
  ASSERT_FALSE(summary.heaviest.empty());
  EXPECT_EQ(LeafOf(summary.heaviest[0]), "fixture::LeakForEver");
  EXPECT_THAT(summary.heaviest[0].frames[0].file, HasSubstr("leak_program.cc"));
  ExpectTwentyMegabytes(summary.inuse_bytes);
  ASSERT_EQ(summary.spans.size(), 1u);
  EXPECT_EQ(summary.spans[0].trace_id, "000000000000000000000000000000ab");
  EXPECT_EQ(summary.spans[0].span_id, "00000000000000cd");
  EXPECT_NEAR(static_cast<double>(summary.with_span_bytes) / (10 << 20), 1.0, 0.3);

  run.Signal(SIGTERM);  // passed on: the program ends with 7
  EXPECT_EQ(run.Wait(), 7) << run.Err();
  EXPECT_THAT(run.Out(), HasSubstr("fixture::LeakForEver"));
  EXPECT_THAT(run.Out(), HasSubstr("Live bytes by span"));
  EXPECT_THAT(run.Out(), HasSubstr("older than"));
  EXPECT_THAT(run.Out(), HasSubstr(" +- "));
}

TEST(RunnerTest, DeltaHoldsOnlyWhatChanged) {
  RecordedRun run("", "text", {LEAK_PROGRAM, "20", "wait"});
  ASSERT_NE(run.LeakedPid(), 0u) << run.Err();
  HttpCall call;
  call.url = "http://127.0.0.1:" + std::to_string(run.Port()) + "/debug/pprof/heap?seconds=1";
  const auto reply = Fetch(call);
  ASSERT_TRUE(reply) << reply.error().message;
  ASSERT_EQ(reply->status, 200) << reply->body;
  const auto profile = DecodeProfile(reply->body);
  ASSERT_TRUE(profile) << profile.error().message;
  EXPECT_GE(profile->duration_ns, kNsPerSecond);
  EXPECT_LT(std::abs(profile->Total(profile->TypeIndex("inuse_space"))), 1 << 20);
}

TEST(RunnerTest, BadRequestsToTheEndpointAreRefused) {
  RecordedRun run("", "text", {LEAK_PROGRAM, "2", "wait"});
  ASSERT_NE(run.LeakedPid(), 0u) << run.Err();
  const std::string base = "http://127.0.0.1:" + std::to_string(run.Port());
  const std::map<std::string, int> kCases = {{"/debug/pprof/heap?seconds=x", 400},
                                             {"/debug/pprof/heap?seconds=-1", 400},
                                             {"/debug/pprof/heap?seconds=100000", 400},
                                             {"/debug/pprof/heap?pid=1", 404},
                                             {"/debug/pprof/heap?pid=../x", 400},
                                             {"/etc/passwd", 404},
                                             {"/debug/pprof/", 200}};
  for (const auto& [path, status] : kCases) {
    HttpCall call;
    call.url = base + path;
    const auto reply = Fetch(call);
    ASSERT_TRUE(reply) << reply.error().message;
    EXPECT_EQ(reply->status, status) << path;
  }
}

TEST(RunnerTest, KilledProgramLeavesItsLastProfile) {
  RecordedRun run("", "json", {LEAK_PROGRAM, "20", "wait"});
  const uint64_t pid = run.LeakedPid();
  ASSERT_NE(pid, 0u) << run.Err();
  kill(static_cast<pid_t>(pid), SIGKILL);
  EXPECT_EQ(run.Wait(), 128 + SIGKILL) << run.Err();
  EXPECT_THAT(run.Out(), HasSubstr("fixture::LeakForEver"));
  EXPECT_THAT(run.Out(), HasSubstr("trigger: killed by signal 9 (SIGKILL)"));
}

TEST(RunnerTest, ReportIsPrintedOnSigusr1) {
  RecordedRun run("", "text", {LEAK_PROGRAM, "20", "wait"});
  ASSERT_NE(run.LeakedPid(), 0u) << run.Err();
  run.Signal(SIGUSR1);
  EXPECT_TRUE(Eventually([&] {
    return run.Out().find("Heap of leaker 1.2.3") != std::string::npos;
  })) << run.Err();
  run.Signal(SIGTERM);
  EXPECT_EQ(run.Wait(), 7);
}

TEST(RunnerTest, ExitStatusIsPassedOn) {
  EXPECT_EQ(RecordedRun("", "text", {LEAK_PROGRAM, "1", "exit", "42"}).Wait(), 42);
  EXPECT_EQ(RecordedRun("", "text", {LEAK_PROGRAM, "1", "abort"}).Wait(), 128 + SIGABRT);
  EXPECT_EQ(RecordedRun("", "text", {"/no/such/program"}).Wait(), 127);
  EXPECT_EQ(RecordedRun("", "text", {"/etc/passwd"}).Wait(), 126);
}

// Those of PATH, and where pyenv keeps its own.
std::vector<std::string> Pythons() {
  std::vector<std::string> out = {"python3.13", "python3.12"};
  const char* home = std::getenv("HOME");
  std::error_code none;
  if (home == nullptr) return out;
  for (const auto& version :
       std::filesystem::directory_iterator(std::string(home) + "/.pyenv/versions", none)) {
    const std::string name = version.path().filename();
    if (name.starts_with("3.12") || name.starts_with("3.13"))
      out.push_back(version.path() / "bin/python3");
  }
  return out;
}

// With perf's trampolines each Python function has code of its own, which perf's map names.
TEST(RunnerTest, PythonFunctionsAreNamedByTheMapForPerf) {
  const std::string script =
      "import sys\nif sys.version_info < (3, 12): sys.exit(9)\nkeep = []\n"
      "def keep_one(): keep.append(bytearray(5000))\n"
      "def keep_many():\n  for i in range(4000): keep_one()\n"
      "keep_many()\nimport os\nos.kill(os.getpid(), 9)\n";
  for (const std::string& python : Pythons()) {
    RecordedRun run(
        "", "text",
        {"/usr/bin/env", "PYTHONPERFSUPPORT=1", "PYTHONMALLOC=malloc", python, "-c", script});
    if (run.Wait() != 128 + SIGKILL) continue;
    const std::string out = run.Out();
    const size_t one = out.find("        keep_one"), many = out.find("        keep_many");
    EXPECT_NE(one, std::string::npos) << out;
    EXPECT_NE(many, std::string::npos) << out;
    EXPECT_LT(one, many) << "the caller is further from the leaf";
    return;
  }
  GTEST_SKIP() << "no python3.12 or python3.13 here";
}

TEST(RunnerTest, SilenceIsExplained) {
  RecordedRun small("", "text", {"/bin/true"});
  EXPECT_EQ(small.Wait(), 0);
  EXPECT_NE(small.Err().find("left no profile: it allocated less than the sampling interval"),
            std::string::npos)
      << small.Err();
  const std::string static_program = "/sbin/ldconfig";  // Debian's has no loader
  if (access(static_program.c_str(), X_OK) != 0) GTEST_SKIP() << "no " << static_program;
  RecordedRun fixed("", "text", {static_program, "-p"});
  EXPECT_EQ(fixed.Wait(), 0);
  EXPECT_NE(fixed.Err().find(static_program + " is statically linked"), std::string::npos)
      << fixed.Err();
}

TEST(RunnerTest, ProfilesAndMetricsArePushedWithTheIdentityOfTheProcess) {
  Receiver receiver;
  RecordedRun run(receiver.url(), "text", {LEAK_PROGRAM, "20", "wait"});
  const uint64_t pid = run.LeakedPid();
  ASSERT_NE(pid, 0u) << run.Err();
  ASSERT_TRUE(Eventually([&] {
    const auto batches = receiver.profiles();
    return !batches.empty() &&
           Summarize(batches.back().profile, nullptr, {}).inuse_bytes > 16 << 20;
  })) << run.Err();
  const ProfileBatch batch = receiver.profiles().back();
  EXPECT_EQ(batch.resource.target.service, "leaker");
  EXPECT_EQ(batch.resource.target.version, "1.2.3");
  EXPECT_TRUE(batch.resource.target.instance.ends_with("-" + std::to_string(pid)));
  const Attributes& attributes = batch.resource.attributes;
  EXPECT_EQ(AttributeOr(attributes, "process.pid"), std::to_string(pid));
  EXPECT_EQ(AttributeOr(attributes, "tidemark.pprof.port"), std::to_string(run.Port()));
  EXPECT_EQ(AttributeOr(attributes, "deployment.environment.name"), "test");
  const HeapSummary summary = Summarize(batch.profile, nullptr, {});
  EXPECT_EQ(LeafOf(summary.heaviest.at(0)), "fixture::LeakForEver");
  ASSERT_EQ(summary.spans.size(), 1u);
  EXPECT_EQ(summary.spans[0].trace_id, "000000000000000000000000000000ab");

  ASSERT_TRUE(Eventually([&] { return !receiver.metrics().empty(); }));
  std::map<std::string, double> values;
  const MetricBatch metrics = receiver.metrics().back();
  for (const Point& point : metrics.points) values[point.metric] = point.value;
  EXPECT_GT(values["process.memory.usage"], 20 << 20);
  EXPECT_GT(values["tidemark.heap.live"], 1 << 20);
  EXPECT_GT(values["tidemark.heap.live.standard_error"], 0);
  EXPECT_GE(values["tidemark.heap.allocated"], values["tidemark.heap.live"]);

  kill(static_cast<pid_t>(pid), SIGKILL);
  EXPECT_EQ(run.Wait(), 128 + SIGKILL);
  EXPECT_THAT(receiver.profiles().back().profile.comments,
              Contains("trigger: killed by signal 9 (SIGKILL)"));
}

TEST(RunnerTest, EveryProcessOfTheCommandIsAnInstanceOfItsOwn) {
  Receiver receiver;
  RecordedRun run(receiver.url(), "text", {LEAK_PROGRAM, "20", "fork"});
  EXPECT_EQ(run.Wait(), 0) << run.Err();
  std::map<std::string, int64_t> bytes;
  for (const ProfileBatch& batch : receiver.profiles()) {
    bytes[batch.resource.target.instance] = Summarize(batch.profile, nullptr, {}).inuse_bytes;
  }
  ASSERT_EQ(bytes.size(), 2u) << run.Err();
  for (const auto& [instance, live] : bytes) ExpectTwentyMegabytes(live);
}

TEST(RunnerTest, AbsentServerCostsNothingButTheProfile) {
  RecordedRun run("http://127.0.0.1:1", "text", {LEAK_PROGRAM, "2", "exit", "5"});
  EXPECT_EQ(run.Wait(), 5);
  EXPECT_THAT(run.Err(), HasSubstr("http://127.0.0.1:1"));
}

TEST(RunnerTest, TemporaryLedgersAreRemoved) {
  RecordedRun run("", "text", {LEAK_PROGRAM, "2", "exit", "0"});
  EXPECT_EQ(run.Wait(), 0);
  const std::string err = run.Err(), before = "ledgers in ";
  const size_t at = err.find(before);
  ASSERT_NE(at, std::string::npos) << err;
  const std::string folder = err.substr(at + before.size(), err.find(',', at) - at - before.size());
  EXPECT_THAT(folder, StartsWith("/"));
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace tidemark

#endif  // LEAK_PROGRAM
