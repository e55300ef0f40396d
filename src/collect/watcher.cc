#include "collect/watcher.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>

#include "collect/delivery.h"
#include "collect/heap_endpoint.h"
#include "collect/run_environment.h"
#include "collect/taken_ledgers.h"
#include "collect/waited_signals.h"

namespace tidemark {
namespace {

constexpr int kFailed = 2;
// How often ends are looked for, memory is looked at and due delta profiles are answered.
constexpr int64_t kLookNs = kNsPerSecond / 2;
// With many processes less often, so that looking takes no more than a hundredth of the time.
constexpr int64_t kLookShare = 100;

unsigned long long Count(uint64_t value) { return value; }

// What is done at each interval and between two of them. Used by one thread.
class WatchSession {
 public:
  // `taken` outlives this.
  WatchSession(const WatchOptions& options, LedgerCollector* collector, TakenLedgers* taken)
      : collector_(collector),
        last_taken_(LastTakenOf(options, taken)),
        delivery_(options.server, options.max_processes),
        memory_({}, options.system_root) {}

  void Tick() {
    Push(collector_->ReadAll("interval", Ages::kWithout));
    Complain();
  }

  void Look() {
    Push(collector_->ReadEnded("interval"));
    for (const uint64_t pid : collector_->Pids()) {
      const auto alarm = memory_.Look(pid, SteadyClockNs());
      if (!alarm) continue;
      auto reading = collector_->Read(pid, "limit", Ages::kWithout);
      if (!reading) continue;
      Annotate("memory", *alarm, &*reading);
      Push({*reading});
    }
  }

  void Finish() {
    Tick();
    const CollectorStats stats = collector_->stats();
    std::fprintf(stderr,
                 "tidemark: watched %llu processes; %llu times one too many, %llu ledgers not "
                 "readable, %llu names that are no file\n",
                 Count(processes_), Count(stats.passed_over), Count(stats.unreadable),
                 Count(stats.refused));
    delivery_.Finish("stopping");
  }

 private:
  // Without a server nobody has the last profile: a later watch may still push it.
  static LastTaken LastTakenOf(const WatchOptions& options, TakenLedgers* taken) {
    if (options.remove_ended) return RemoveLedgerFile;
    if (options.server.empty()) return {};
    return [taken](const LedgerFile& file) { taken->Add(file); };
  }

  void Push(std::vector<Reading> readings) {
    for (Reading& reading : readings) {
      if (reading.ended) {
        AnnotateEnd(&memory_, &reading);
        known_.erase(reading.file.path);
      } else if (known_.insert(reading.file.path).second) {
        ++processes_;
        const Target& target = reading.batch.resource.target;
        std::fprintf(stderr, "tidemark: pid %llu is %s %s, instance %s\n", Count(reading.pid),
                     target.service.c_str(), target.version.c_str(), target.instance.c_str());
      }
    }
    delivery_.Push(readings, &memory_, last_taken_);
    for (const Reading& reading : readings) {
      if (reading.ended) memory_.Forget(reading.pid);
    }
  }

  // Says once for each new reason why a ledger is left out.
  void Complain() {
    const CollectorStats stats = collector_->stats();
    if (stats.last_error != said_) {
      std::fprintf(stderr, "tidemark: %s\n", stats.last_error.c_str());
    }
    said_ = stats.last_error;
  }

  LedgerCollector* collector_;
  const LastTaken last_taken_;
  Delivery delivery_;
  MemoryWatch memory_;
  std::set<std::string> known_;  // paths of live ledgers, at most LedgerCollector::kMaxFiles
  uint64_t processes_ = 0;
  std::string said_;
};

void Watch(const WatchOptions& options, WaitedSignals* signals, HeapEndpoint* endpoint,
           WatchSession* session) {
  const int64_t interval = std::max(options.interval_ns, kNsPerSecond / 10);
  for (int64_t next_tick = 0, next_look = 0;;) {
    if (SteadyClockNs() >= next_tick) {
      session->Tick();
      next_tick = std::max(next_tick, SteadyClockNs() - interval) + interval;
      // A tick that took longer than the interval skips those it has missed.
    }
    if (const int64_t began = SteadyClockNs(); began >= next_look) {
      session->Look();
      const int64_t ended = SteadyClockNs();
      next_look = ended + std::max(kLookNs, kLookShare * (ended - began));
    }
    endpoint->AnswerDue(SteadyClockNs(), false);
    siginfo_t info{};
    const int64_t wait = std::min(next_tick, next_look) - SteadyClockNs();
    if (signals->Wait(std::clamp<int64_t>(wait, 0, kLookNs), &info) != 0) return;
  }
}

int Fail(const std::string& message) {
  std::fprintf(stderr, "tidemark: %s\n", message.c_str());
  return kFailed;
}

}  // namespace

int WatchCommand(const WatchOptions& options) {
  struct stat info;
  if (stat(options.directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return Fail(
        "'" + options.directory +
        "' is no directory; name the one that TIDEMARK_DIR of the recorded processes names");
  }
  if (options.max_processes == 0) return Fail("max_processes is 0; give at least 1");
  WaitedSignals signals({SIGINT, SIGTERM});
  const ProcFiles proc;
  WatchNames names(&proc);
  CollectorOptions collecting{
      .directory = options.directory,
      .max_processes = options.max_processes,
      .symbols = SymbolizerOptionsFor(options.debug_directories, FromEnvironment)};
  collecting.symbols.map_files = false;  // other people's files
  TakenLedgers taken(options.directory);
  collecting.finished = taken.Load();
  LedgerCollector collector(std::move(collecting), &names);
  auto endpoint = HeapEndpoint::Start(options.pprof_port, &collector);
  if (!endpoint) return Fail(endpoint.error().message);
  names.SetPprofPort((*endpoint)->port());
  std::fprintf(stderr, "tidemark: watching %s, http://127.0.0.1:%u/debug/pprof/heap\n",
               options.directory.c_str(), static_cast<unsigned>((*endpoint)->port()));
  WatchSession session(options, &collector, &taken);
  Watch(options, &signals, endpoint->get(), &session);
  (*endpoint)->AnswerDue(0, true);
  session.Finish();
  return 0;
}

}  // namespace tidemark
