// The command under the recorder: started, waited for, signalled.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace tidemark {

struct ChildCommand {
  std::vector<std::string> arguments;    // [0] is looked up in PATH
  std::vector<std::string> environment;  // "KEY=VALUE"; replaces ours
  // Environment entry to which the child appends its own process id; "" = none.
  std::string pid_suffixed;
};

// Forks and executes; returns once the program has replaced the child. No signal is blocked in it;
// ignored signals stay ignored. Errors: not found (no such program), i/o.
// Safe in a process with threads.
Result<pid_t> StartChild(const ChildCommand& command);

// The file that StartChild would execute; "" when there is none.
std::string FindProgram(const std::string& name);

struct ChildEnd {
  int exit_status = 0;  // of a shell: 128 + signal when killed
  int signal = 0;       // that killed it, 0 = none
};

// The end of the child if it has ended; never waits.
std::optional<ChildEnd> PollChild(pid_t pid);

}  // namespace tidemark
