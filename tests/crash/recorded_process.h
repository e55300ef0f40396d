// Runs a program under the recorder, in a ledger folder of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "ledger/ledger_reader.h"

namespace tidemark::crash {

struct RunOptions {
  std::vector<std::string> arguments;
  uint64_t sample_bytes = 4096;
  std::vector<std::string> environment;  // NAME=value, added
  std::string preload;                   // empty: libtidemark.so; "none": nothing
};

struct Finished {
  int status = 0;  // as waitpid gives it
  std::string output;
  std::string errors;
};

class RecordedProcess {
 public:
  RecordedProcess();
  ~RecordedProcess();  // kills what still runs, removes the folder
  RecordedProcess(const RecordedProcess&) = delete;
  RecordedProcess& operator=(const RecordedProcess&) = delete;

  // Runs to the end.
  Finished Run(const RunOptions& options);

  // Starts and waits until the program has printed "ready" (`times` times); its lines "NAME
  // 0xVALUE" become marks. False when it ended before.
  bool StartUntilReady(const RunOptions& options, int times = 1);
  // Sends a line to its standard input and waits for the next "ready". False when it ended before.
  bool NextReady();
  // Ends its standard input and waits for its end.
  Finished Finish();
  void KillHard();

  pid_t pid() const { return pid_; }
  uint64_t mark(const std::string& name) const;
  const std::string& folder() const { return folder_; }
  Result<LedgerSnapshot> Ledger(pid_t pid) const;
  Result<LedgerSnapshot> Ledger() const { return Ledger(pid_); }
  std::vector<std::string> LedgerFiles() const;

  // True when the stack holds LeakHere, Middle, Outer one after the other.
  bool IsLeakStack(const LedgerStack& stack) const;
  // Unbiased live bytes of all such stacks, and the standard error of that.
  struct Estimate {
    double bytes = 0;
    double error = 0;
    uint64_t samples = 0;
  };
  Estimate LeakBytes(const LedgerSnapshot& snapshot) const;

 private:
  void Spawn(const RunOptions& options, int* output, int* errors);
  bool WaitUntilReady(int times);

  std::string folder_;
  pid_t pid_ = -1;
  std::vector<pid_t> others_;
  int input_ = -1;
  int output_ = -1;
  std::string text_;  // of its output, the line not yet ended
  std::map<std::string, uint64_t> marks_;
};

}  // namespace tidemark::crash
