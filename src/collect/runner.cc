#include "collect/runner.h"

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/time.h"
#include "collect/heap_endpoint.h"
#include "collect/identity.h"
#include "collect/run_environment.h"
#include "collect/run_session.h"

namespace tidemark {
namespace {

constexpr int kSetupFailed = 2;
// How long the end of the command or a due delta profile may go unnoticed when no signal tells.
constexpr int64_t kMaxWaitNs = kNsPerSecond / 10;
constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

// Blocks the signals that we wait for, in this thread and those it starts, as long as it lives.
class WaitedSignals {
 public:
  WaitedSignals() {
    sigemptyset(&set_);
    for (const int signal : kForwarded) sigaddset(&set_, signal);
    sigaddset(&set_, SIGCHLD);
    sigaddset(&set_, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~WaitedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

  // The next signal, 0 when none came in time.
  int Wait(int64_t timeout_ns, siginfo_t* info) {
    const timespec timeout = {timeout_ns / kNsPerSecond, timeout_ns % kNsPerSecond};
    const int signal = sigtimedwait(&set_, info, &timeout);
    return signal > 0 ? signal : 0;
  }

 private:
  sigset_t set_, before_;
};

int Fail(const Error& error, int status) {
  std::fprintf(stderr, "tidemark: %s\n", error.message.c_str());
  return status;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  if (out.size() > 1024) out = out.substr(0, 1024) + "...";
  return out;
}

// What the terminal driver sends reaches the whole foreground group, the command with it; only what
// was sent to us alone is passed on.
void Forward(int signal, const siginfo_t& info, pid_t pid) {
  if (info.si_code != SI_KERNEL) kill(pid, signal);
}

ChildEnd Watch(const RunOptions& options, pid_t pid, WaitedSignals* signals, HeapEndpoint* endpoint,
               RunSession* session) {
  const int64_t interval = std::max(options.interval_ns, kNsPerSecond / 10);
  int64_t next_tick = SteadyClockNs() + interval;
  for (;;) {
    const int64_t now = SteadyClockNs();
    siginfo_t info{};
    const int64_t wait = std::clamp<int64_t>(next_tick - now, 0, kMaxWaitNs);
    const int signal = signals->Wait(wait, &info);
    if (const auto end = PollChild(pid)) return *end;
    if (signal == SIGUSR1) session->Report("SIGUSR1");
    if (std::find(std::begin(kForwarded), std::end(kForwarded), signal) != std::end(kForwarded)) {
      Forward(signal, info, pid);
    }
    if (endpoint != nullptr) endpoint->AnswerDue(SteadyClockNs(), false);
    if (SteadyClockNs() < next_tick) continue;
    session->Tick();
    // A tick that took longer than the interval skips those it has missed.
    next_tick = std::max(next_tick + interval, SteadyClockNs());
  }
}

int RunIn(const RunOptions& options, const RunDirectory& directory, const std::string& recorder) {
  WaitedSignals signals;
  const ServiceIdentity identity = IdentityFor(options, FromEnvironment);
  LedgerCollector collector(directory.path, identity, Joined(options.command), directory.temporary);
  std::unique_ptr<HeapEndpoint> endpoint;
  if (options.serve_pprof) {
    auto started = HeapEndpoint::Start(options.pprof_port, &collector);
    if (!started) return Fail(started.error(), kSetupFailed);
    endpoint = std::move(*started);
  }
  const auto pid = StartChild(CommandFor(options, identity, recorder, directory.path, environ));
  if (!pid) return Fail(pid.error(), pid.error().code == ErrorCode::kNotFound ? 127 : 126);
  const auto main_pid = static_cast<uint64_t>(*pid);
  collector.SetMain(main_pid, endpoint ? endpoint->port() : 0);
  std::string address = "no pprof endpoint";
  if (endpoint) {
    endpoint->SetMain(main_pid);
    address = "http://127.0.0.1:" + std::to_string(endpoint->port()) + "/debug/pprof/heap";
  }
  std::fprintf(stderr, "tidemark: recording pid %llu, ledgers in %s, %s\n",
               static_cast<unsigned long long>(main_pid), directory.path.c_str(), address.c_str());
  RunSession session(options, &collector, main_pid);
  const ChildEnd end = Watch(options, *pid, &signals, endpoint.get(), &session);
  if (endpoint) endpoint->AnswerDue(0, true);
  session.Finish(end);
  return end.exit_status;
}

}  // namespace

int RunCommand(const RunOptions& options) {
  if (options.command.empty()) return Fail(InvalidArgument("no command to run"), kSetupFailed);
  if (options.sample_bytes == 0) {
    return Fail(InvalidArgument("sample_bytes is 0; give at least 1"), kSetupFailed);
  }
  const auto recorder = FindRecorder(options, FromEnvironment);
  if (!recorder) return Fail(recorder.error(), kSetupFailed);
  const auto directory = MakeRunDirectory(options);
  if (!directory) return Fail(directory.error(), kSetupFailed);
  const int status = RunIn(options, *directory, *recorder);
  RemoveRunDirectory(*directory);
  return status;
}

}  // namespace tidemark
