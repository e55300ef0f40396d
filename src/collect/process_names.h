// Who the processes behind the ledgers are: `tidemark run` knows, `tidemark watch` asks /proc.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "collect/identity.h"
#include "collect/ledger_files.h"
#include "collect/proc_files.h"

namespace tidemark {

struct ProcessName {
  Resource resource;
  std::string command_line;
  // Stands before the paths of its modules: its own file system as seen from ours. "" = ours.
  std::string root;
};

// One thread at a time.
class ProcessNames {
 public:
  virtual ~ProcessNames() = default;
  // Its id in our pid namespace; 0 = it had ended when we first looked.
  virtual uint64_t PidOf(const LedgerFile& file) = 0;
  virtual bool IsMain(const LedgerFile& file) = 0;
  virtual bool HasEnded(const LedgerFile& file, const LedgerHeader& header) = 0;
  virtual ProcessName NameOf(const LedgerFile& file, const LedgerHeader& header) = 0;
  // Its last reading has been taken.
  virtual void Forget(const LedgerFile& file) = 0;
};

// The processes of one run: its command, and whatever that forked or executed.
class RunNames : public ProcessNames {
 public:
  RunNames(ServiceIdentity identity, std::string command_line)
      : identity_(std::move(identity)), command_line_(std::move(command_line)) {}

  // Any thread: known once the command has started and the endpoint listens, or has ended.
  void SetMain(uint64_t pid, uint16_t pprof_port) {
    pprof_port_ = pprof_port;
    main_pid_ = pid;
  }
  void SetMainEnded() { main_ended_ = true; }

  uint64_t PidOf(const LedgerFile& file) override { return file.pid; }
  bool IsMain(const LedgerFile& file) override { return file.pid == main_pid_; }
  bool HasEnded(const LedgerFile& file, const LedgerHeader& header) override;
  ProcessName NameOf(const LedgerFile& file, const LedgerHeader& header) override;
  void Forget(const LedgerFile&) override {}

 private:
  const ServiceIdentity identity_;
  const std::string command_line_;
  std::atomic<uint64_t> main_pid_ = 0;
  std::atomic<uint16_t> pprof_port_ = 0;
  std::atomic<bool> main_ended_ = false;
};

// Processes that somebody else started, named by their environment: OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, else the executable's name; instances by service.instance.id, else
// HOST-PID. Of two live processes with one instance id (a child inherits its parent's environment)
// the first keeps it.
class WatchNames : public ProcessNames {
 public:
  // `proc` outlives this.
  explicit WatchNames(const ProcFiles* proc) : proc_(proc) {}
  void SetPprofPort(uint16_t port) { pprof_port_ = port; }

  uint64_t PidOf(const LedgerFile& file) override { return Know(file)->pid; }
  bool IsMain(const LedgerFile&) override { return false; }
  bool HasEnded(const LedgerFile& file, const LedgerHeader& header) override;
  ProcessName NameOf(const LedgerFile& file, const LedgerHeader& header) override;
  void Forget(const LedgerFile& file) override;

 private:
  struct Known {
    LedgerFile file;
    uint64_t pid = 0, start_ticks = 0;
    bool doubted =
        false;  // not found at the first look, which may have come in the midst of an exec
    bool named = false;
    std::map<std::string, std::string> environment;  // what names it, read while it lived
    std::string container;
    ProcessName name;
  };
  void Find(Known* known) const;
  Known* Know(const LedgerFile& file);
  void GiveName(const std::string& executable, Known* known);

  const ProcFiles* proc_;
  std::atomic<uint16_t> pprof_port_ = 0;
  std::map<std::string, Known> known_;                       // by path
  std::set<std::pair<std::string, std::string>> instances_;  // service and instance, taken
};

}  // namespace tidemark
