// `tidemark run`: a native program under the recorder, watched from outside.
#pragma once

#include "collect/run_options.h"

namespace tidemark {

// Runs the command to its end and returns its exit status: 128 + N after signal N, 127 when there
// is no such program, 126 when it cannot be executed, 2 when we could not set up the run (the
// reason is on standard error).
//
// Meanwhile: serves /debug/pprof/heap on 127.0.0.1, pushes OTLP profiles and metrics to the server
// each interval when there is one, passes SIGINT, SIGTERM, SIGHUP and SIGQUIT on to the command,
// and prints a report on SIGUSR1. At the end, however it came, the last profile is read from the
// ledger and pushed, or without a server reported on standard output.
//
// To be called from a thread that may have those signals and SIGCHLD blocked for the time; other
// threads of the caller should block them too.
int RunCommand(const RunOptions& options);

}  // namespace tidemark
