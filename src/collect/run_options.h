// What `tidemark run` was asked to do.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "collect/report.h"

namespace tidemark {

struct RunOptions {
  std::vector<std::string> command;   // looked up in PATH; not empty
  std::string server;                 // "http://127.0.0.1:4318"; "" = alone: report to the terminal
  uint64_t sample_bytes = 512 << 10;  // mean bytes between two samples, at least 1
  bool mappings = false;              // records mappings that the program makes by mmap, too
  int64_t interval_ns = 5 * kNsPerSecond;  // between two pushes, at least 100 ms
  uint16_t pprof_port = 0;                 // of /debug/pprof/heap on 127.0.0.1; 0 = any free one
  bool serve_pprof = true;
  // Ledgers are kept in a new folder inside this one, and stay after the end. "" = a folder of our
  // own in /dev/shm or /tmp that is removed at the end.
  std::string directory;
  std::string service, version;  // over OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES
  std::string recorder_library;  // path of libtidemark.so; "" = TIDEMARK_LIB, else near the program
  std::vector<std::string> debug_directories;  // looked into before /usr/lib/debug
  bool report_at_exit = true;                  // on standard output, only when alone
  ReportFormat report_format = ReportFormat::kText;
};

}  // namespace tidemark
