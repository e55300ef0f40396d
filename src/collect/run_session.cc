#include "collect/run_session.h"

#include <elf.h>
#include <signal.h>
#include <string.h>

#include <cstdio>

#include "base/time.h"
#include "collect/report.h"
#include "symbolize/elf_file.h"

namespace tidemark {
namespace {

std::string TitleOf(const Reading& reading) {
  const Target& target = reading.batch.resource.target;
  std::string title = target.service;
  if (!target.version.empty()) title += " " + target.version;
  title += ", pid " + std::to_string(reading.pid);
  if (!reading.is_main) {
    title += " (" + AttributeOr(reading.batch.resource.attributes, "process.executable.name") + ")";
  }
  return title;
}

std::string TriggerOf(const ChildEnd& end) {
  if (end.signal == 0) return "exit with status " + std::to_string(end.exit_status);
  const char* name = sigabbrev_np(end.signal);
  return "killed by signal " + std::to_string(end.signal) +
         (name == nullptr ? "" : std::string(" (SIG") + name + ")");
}

// Whether the file is a program without a loader. A script is none; nor is what cannot be read.
bool IsStatic(const std::string& path) {
  const auto file = ElfFile::Open(path);
  return file && !(*file)->HasSegment(PT_INTERP);
}

}  // namespace

RunSession::RunSession(const RunOptions& options, LedgerCollector* collector, RunNames* names,
                       uint64_t main_pid, bool remove_ended)
    : options_(options),
      collector_(collector),
      names_(names),
      main_pid_(main_pid),
      remove_ended_(remove_ended),
      delivery_(options.server, CollectorOptions().max_processes) {}

std::vector<Reading> RunSession::ReadAll(const std::string& trigger, Ages ages) {
  auto readings = collector_->ReadAll(trigger, ages);
  for (Reading& reading : readings) {
    if (reading.ended && !reading.is_main) {
      AnnotateEnd(&memory_, &reading);
      first_.erase(reading.file.path);
      memory_.Forget(reading.pid);
    } else {
      first_.try_emplace(reading.file.path, reading.batch.profile);
    }
  }
  return readings;
}

void RunSession::Push(const std::vector<Reading>& readings) {
  delivery_.Push(readings, &memory_, remove_ended_ ? RemoveLedgerFile : LastTaken());
}

void RunSession::LookAtMemory() {
  if (!delivery_.has_server()) return;
  for (const uint64_t pid : collector_->Pids()) {
    const auto alarm = memory_.Look(pid, SteadyClockNs());
    if (!alarm) continue;
    auto reading = collector_->Read(pid, "limit", Ages::kWithout);
    if (!reading) continue;
    Annotate("memory", *alarm, &*reading);
    Push({*reading});
  }
}

void RunSession::ExplainSilence(const std::vector<Reading>& readings) {
  for (const Reading& reading : readings) {
    if (!reading.is_main || reading.header.state != ledger::State::kOff || explained_) continue;
    std::fprintf(stderr, "tidemark: pid %llu is not recorded: %s\n",
                 static_cast<unsigned long long>(reading.pid),
                 LedgerOffReasonName(reading.header.off_reason));
    explained_ = true;
  }
}

void RunSession::Tick() {
  const auto readings = ReadAll("interval", Ages::kWithout);
  ExplainSilence(readings);
  Push(readings);
}

void RunSession::Print(const std::vector<Reading>& readings) {
  for (const Reading& reading : readings) {
    ReportOptions report;
    report.title = TitleOf(reading);
    report.sigma_bytes = reading.totals.sigma_bytes;
    report.variances = &reading.variances;
    const auto first = first_.find(reading.file.path);
    const Profile* before = first == first_.end() ? nullptr : &first->second;
    if (before != nullptr && before->time_ns >= reading.batch.profile.time_ns) before = nullptr;
    const std::string text =
        FormatReport(reading.batch.profile, before, report, options_.report_format);
    std::fwrite(text.data(), 1, text.size(), stdout);
  }
  std::fflush(stdout);
}

void RunSession::Report(const std::string& trigger) { Print(ReadAll(trigger, Ages::kWith)); }

void RunSession::Finish(const ChildEnd& end) {
  std::string trigger = TriggerOf(end);
  const auto killed =
      end.signal == SIGKILL ? memory_.OutOfMemory(main_pid_) : std::optional<std::string>();
  names_->SetMainEnded();
  auto readings =
      ReadAll(killed ? "oom" : trigger, delivery_.has_server() ? Ages::kWithout : Ages::kWith);
  if (killed) trigger += " for want of memory: " + *killed;
  for (Reading& reading : readings) {
    if (killed && reading.is_main) Annotate("end", trigger, &reading);
  }
  ExplainSilence(readings);
  if (readings.empty() && !explained_) {
    const std::string program = FindProgram(options_.command.front());
    std::fprintf(stderr, "tidemark: pid %llu left no profile: %s\n",
                 static_cast<unsigned long long>(main_pid_),
                 IsStatic(program)
                     ? (program + " is statically linked: no library can be preloaded").c_str()
                     : ("it allocated less than the sampling interval (--sample-bytes " +
                        std::to_string(options_.sample_bytes) + ")")
                           .c_str());
  }
  if (!delivery_.has_server() && options_.report_at_exit) Print(readings);
  Push(readings);
  delivery_.Finish(trigger);
}

}  // namespace tidemark
