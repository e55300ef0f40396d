#include "collect/ledger_collector.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/time.h"

namespace tidemark {
namespace {

constexpr std::string_view kSuffix = ".ledger";
// Ids of ended processes that we remember; the kernel reuses ids long after.
constexpr size_t kMaxFinished = 4096;

// 0 = the name is not PID.ledger.
uint64_t PidOfFile(const std::string& name) {
  uint64_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc() || std::string_view(end) != kSuffix) return 0;
  return pid;
}

bool HasEnded(const LedgerHeader& header) {
  return header.state == ledger::State::kExited ||
         (kill(static_cast<pid_t>(header.pid), 0) != 0 && errno == ESRCH);
}

}  // namespace

LedgerCollector::LedgerCollector(std::string directory, ServiceIdentity identity,
                                 std::string command_line, bool remove_ended)
    : directory_(std::move(directory)),
      identity_(std::move(identity)),
      command_line_(std::move(command_line)),
      remove_ended_(remove_ended) {}

void LedgerCollector::SetMain(uint64_t pid, uint16_t pprof_port) {
  const std::lock_guard lock(mutex_);
  main_pid_ = pid;
  pprof_port_ = pprof_port;
}

std::string LedgerCollector::PathOf(uint64_t pid) const {
  return directory_ + "/" + std::to_string(pid) + std::string(kSuffix);
}

std::vector<uint64_t> LedgerCollector::PidsLocked() const {
  std::vector<uint64_t> pids;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory_, error), end; !error && it != end;
       it.increment(error)) {
    const uint64_t pid = PidOfFile(it->path().filename().string());
    if (pid != 0 && finished_.count(pid) == 0) pids.push_back(pid);
  }
  std::sort(pids.begin(), pids.end(), [this](uint64_t a, uint64_t b) {
    return std::pair(a != main_pid_, a) < std::pair(b != main_pid_, b);
  });
  return pids;
}

std::vector<uint64_t> LedgerCollector::Pids() {
  const std::lock_guard lock(mutex_);
  return PidsLocked();
}

Result<Reading> LedgerCollector::ReadLocked(uint64_t pid, const std::string& trigger) {
  TIDEMARK_ASSIGN_OR_RETURN(const LedgerSnapshot ledger, ReadLedger(PathOf(pid)));
  Reading reading;
  reading.pid = pid;
  reading.is_main = pid == main_pid_;
  reading.header = ledger.header;
  reading.totals = TotalsOf(ledger);
  reading.batch.resource = ResourceOf(identity_, pid, reading.is_main, ledger.header.exe_path,
                                      reading.is_main ? pprof_port_ : 0);
  ProfileOptions options;
  options.time_ns = WallClockNs();
  options.annotations = {{"service", identity_.service},
                         {"version", identity_.version},
                         {"instance", reading.batch.resource.target.instance},
                         {"command", command_line_},
                         {"trigger", trigger}};
  reading.batch.profile = BuildProfile(ledger, symbolizer_, options);
  return reading;
}

Result<Reading> LedgerCollector::Read(uint64_t pid, const std::string& trigger) {
  const std::lock_guard lock(mutex_);
  return ReadLocked(pid, trigger);
}

std::vector<Reading> LedgerCollector::ReadAll(const std::string& trigger, bool main_ended) {
  const std::lock_guard lock(mutex_);
  std::vector<Reading> readings;
  for (const uint64_t pid : PidsLocked()) {
    if (readings.size() == kMaxProcesses) {
      ++passed_over_;
      continue;
    }
    auto reading = ReadLocked(pid, trigger);
    if (!reading) {
      ++unreadable_;
      continue;
    }
    reading->ended = reading->is_main ? main_ended : HasEnded(reading->header);
    if (reading->ended) {
      if (finished_.size() == kMaxFinished) finished_.erase(finished_.begin());
      finished_.insert(pid);
      if (remove_ended_ && !reading->is_main) unlink(PathOf(pid).c_str());
    }
    readings.push_back(std::move(*reading));
  }
  return readings;
}

uint64_t LedgerCollector::passed_over() const {
  const std::lock_guard lock(mutex_);
  return passed_over_;
}

uint64_t LedgerCollector::unreadable() const {
  const std::lock_guard lock(mutex_);
  return unreadable_;
}

}  // namespace tidemark
