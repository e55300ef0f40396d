// `tidemark watch DIR`: the recorded processes of a directory, whoever started them. For a sidecar
// (one pod) or a DaemonSet (one node, a folder for each pod).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace tidemark {

struct WatchOptions {
  std::string directory;                   // PID.ledger in it and in the folders directly within
  std::string server;                      // "http://127.0.0.1:4318"; "" = only the endpoint
  int64_t interval_ns = 5 * kNsPerSecond;  // between two pushes, at least 100 ms
  uint16_t pprof_port = 0;                 // of /debug/pprof/heap on 127.0.0.1; 0 = any free one
  size_t max_processes = 256;              // read at a time; more are counted
  bool remove_ended = false;  // remove a ledger once the last profile of its process was taken
  std::string system_root;    // before /proc and /sys where memory is looked at; "" but in tests
  std::vector<std::string> debug_directories;  // looked into before /usr/lib/debug
};

// Watches until SIGINT or SIGTERM and returns 0; 2 when it could not begin (the reason is on
// standard error). Every process is pushed each interval, at once when it is near its memory limit,
// and once more when it has ended: its last profile then says trigger "exit" (it said so), "oom"
// (the kernel counted a kill for want of memory) or "killed" (anything else, _exit included).
//
// Takes over the signals of the calling thread, as RunCommand does.
int WatchCommand(const WatchOptions& options);

}  // namespace tidemark
