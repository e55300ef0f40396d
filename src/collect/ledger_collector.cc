#include "collect/ledger_collector.h"

#include <algorithm>

#include "base/time.h"

namespace tidemark {
namespace {

// When the ledger last changed, as far as its live samples tell.
int64_t NewestNs(const LedgerSnapshot& ledger) {
  int64_t newest_ns = ledger.header.start_unix_ns;
  for (const LedgerSample& sample : ledger.live) {
    newest_ns = std::max(newest_ns, sample.alloc_unix_ns);
  }
  return std::min(newest_ns, WallClockNs());
}

}  // namespace

void Annotate(const std::string& key, const std::string& value, Reading* reading) {
  auto& comments = reading->batch.profile.comments;
  std::erase_if(comments,
                [&](const std::string& comment) { return comment.starts_with(key + ": "); });
  comments.push_back(key + ": " + value);
}

LedgerCollector::LedgerCollector(CollectorOptions options, ProcessNames* names)
    : options_(std::move(options)),
      names_(names),
      symbolizer_(options_.symbols),
      finished_(options_.finished) {}

std::vector<LedgerFile> LedgerCollector::UnfinishedLocked() {
  LedgerListing listing = ListLedgers(options_.directory, kMaxFiles);
  stats_.refused += listing.refused;
  stats_.passed_over += listing.left_out;
  std::set<LedgerFile> still_there;
  std::vector<LedgerFile> files;
  for (LedgerFile& file : listing.files) {
    if (finished_.contains(file)) {
      still_there.insert(std::move(file));
    } else {
      files.push_back(std::move(file));
    }
  }
  finished_ = std::move(still_there);
  std::stable_partition(files.begin(), files.end(),
                        [this](const LedgerFile& file) { return names_->IsMain(file); });
  return files;
}

std::vector<uint64_t> LedgerCollector::Pids() {
  const std::lock_guard lock(mutex_);
  std::vector<uint64_t> pids;
  for (const LedgerFile& file : UnfinishedLocked()) {
    if (const uint64_t pid = names_->PidOf(file); pid != 0) pids.push_back(pid);
  }
  return pids;
}

Result<Reading> LedgerCollector::ReadLocked(const LedgerFile& file, const std::string& trigger,
                                            Ages ages) {
  TIDEMARK_ASSIGN_OR_RETURN(const LedgerSnapshot ledger, ReadLedgerFile(file));
  const ProcessName name = names_->NameOf(file, ledger.header);
  Reading reading;
  reading.file = file;
  reading.pid = names_->PidOf(file);
  reading.is_main = names_->IsMain(file);
  reading.header = ledger.header;
  reading.totals = TotalsOf(ledger);
  reading.batch.resource = name.resource;
  const Target& target = name.resource.target;
  ProfileOptions options;
  options.time_ns = reading.pid == 0 ? NewestNs(ledger) : WallClockNs();
  options.module_root = name.root;
  options.ages = ages == Ages::kWith;
  options.annotations = {{"service", target.service},
                         {"version", target.version},
                         {"instance", target.instance},
                         {"command", name.command_line},
                         {"trigger", trigger}};
  reading.batch.profile = BuildProfile(ledger, symbolizer_, options, &reading.variances);
  return reading;
}

Result<Reading> LedgerCollector::Read(uint64_t pid, const std::string& trigger, Ages ages) {
  const std::lock_guard lock(mutex_);
  std::vector<LedgerFile> found;
  for (LedgerFile& file : UnfinishedLocked()) {
    const uint64_t its_pid = names_->PidOf(file);
    if (its_pid != 0 && (pid == 0 || its_pid == pid)) found.push_back(std::move(file));
  }
  if (found.empty()) {
    return NotFound(pid == 0
                        ? "no recorded process in " + options_.directory
                        : "no ledger of pid " + std::to_string(pid) + " in " + options_.directory);
  }
  if (found.size() > 1) {
    return InvalidArgument(std::to_string(found.size()) +
                           " processes are recorded here: name one with ?pid=");
  }
  return ReadLocked(found.front(), trigger, ages);
}

// The ledger may have changed between the reading and the end.
void LedgerCollector::Finish(const std::string& trigger, Ages ages, Reading* reading) {
  if (auto last = ReadLocked(reading->file, trigger, ages)) *reading = std::move(*last);
  reading->ended = true;
  finished_.insert(reading->file);
  names_->Forget(reading->file);
}

std::vector<Reading> LedgerCollector::ReadAll(const std::string& trigger, Ages ages) {
  const std::lock_guard lock(mutex_);
  std::vector<Reading> readings;
  for (const LedgerFile& file : UnfinishedLocked()) {
    if (readings.size() == options_.max_processes) {
      ++stats_.passed_over;
      continue;
    }
    auto reading = ReadLocked(file, trigger, ages);
    if (!reading) {
      ++stats_.unreadable;
      stats_.last_error = reading.error().message;
      continue;
    }
    const bool ended = names_->HasEnded(file, reading->header);
    if (reading->pid == 0 && !ended) continue;  // not found yet, but not given up either
    if (ended) Finish(trigger, ages, &*reading);
    readings.push_back(std::move(*reading));
  }
  return readings;
}

std::vector<Reading> LedgerCollector::ReadEnded(const std::string& trigger) {
  const std::lock_guard lock(mutex_);
  std::vector<Reading> readings;
  for (const LedgerFile& file : UnfinishedLocked()) {
    if (names_->PidOf(file) == 0 || !names_->HasEnded(file, {})) continue;
    auto reading = ReadLocked(file, trigger, Ages::kWithout);
    if (!reading) continue;  // counted by the next ReadAll
    Finish(trigger, Ages::kWithout, &*reading);
    readings.push_back(std::move(*reading));
  }
  return readings;
}

CollectorStats LedgerCollector::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

}  // namespace tidemark
