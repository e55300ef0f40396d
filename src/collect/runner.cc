#include "collect/runner.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "base/time.h"
#include "collect/heap_endpoint.h"
#include "collect/identity.h"
#include "collect/run_environment.h"
#include "collect/run_session.h"
#include "collect/waited_signals.h"

namespace tidemark {
namespace {

constexpr int kSetupFailed = 2;
// How long the end of the command or a due delta profile may go unnoticed when no signal tells.
constexpr int64_t kMaxWaitNs = kNsPerSecond / 10;
// How often the memory of the processes is looked at.
constexpr int64_t kLookNs = kNsPerSecond / 2;
constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

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
  int64_t next_tick = SteadyClockNs() + interval, next_look = 0;
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
    if (SteadyClockNs() >= next_look) {
      session->LookAtMemory();
      next_look = SteadyClockNs() + kLookNs;
    }
    if (SteadyClockNs() < next_tick) continue;
    session->Tick();
    // A tick that took longer than the interval skips those it has missed.
    next_tick = std::max(next_tick + interval, SteadyClockNs());
  }
}

int RunIn(const RunOptions& options, const RunDirectory& directory, const std::string& recorder) {
  WaitedSignals signals({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, SIGUSR1});
  const ServiceIdentity identity = IdentityFor(options, FromEnvironment);
  RunNames names(identity, Joined(options.command));
  LedgerCollector collector(
      {.directory = directory.path,
       .symbols = SymbolizerOptionsFor(options.debug_directories, FromEnvironment)},
      &names);
  std::unique_ptr<HeapEndpoint> endpoint;
  if (options.serve_pprof) {
    auto started = HeapEndpoint::Start(options.pprof_port, &collector);
    if (!started) return Fail(started.error(), kSetupFailed);
    endpoint = std::move(*started);
  }
  const auto pid = StartChild(CommandFor(options, identity, recorder, directory.path, environ));
  if (!pid) return Fail(pid.error(), pid.error().code == ErrorCode::kNotFound ? 127 : 126);
  const auto main_pid = static_cast<uint64_t>(*pid);
  names.SetMain(main_pid, endpoint ? endpoint->port() : 0);
  std::string address = "no pprof endpoint";
  if (endpoint) {
    endpoint->SetMain(main_pid);
    address = "http://127.0.0.1:" + std::to_string(endpoint->port()) + "/debug/pprof/heap";
  }
  std::fprintf(stderr, "tidemark: recording pid %llu, ledgers in %s, %s\n",
               static_cast<unsigned long long>(main_pid), directory.path.c_str(), address.c_str());
  RunSession session(options, &collector, &names, main_pid, directory.temporary);
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
