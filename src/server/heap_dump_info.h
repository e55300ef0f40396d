// What the server knows of a heap dump that was posted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace tidemark {

struct HeapDumpInfo {
  std::string id;                                   // 16 hex digits
  std::string name, service, version, incident_id;  // as its sender said; may be empty
  std::string state;                                // "waiting", "analysing", "done", "failed"
  std::string error;                                // of a failed one
  std::string executable;  // file that names a Go program's globals and types; "" = none
  int64_t received_ns = 0, finished_ns = 0;
  uint64_t bytes = 0;  // as it was sent
  uint32_t attempts = 0;
  // Of one that is done.
  std::string format, headline, damage;
  uint64_t heap_objects = 0, heap_bytes = 0, report_bytes = 0;
  std::vector<std::string> holders;  // "92 % main.cache -> map -> span", largest first
};

std::string HeapDumpInfoJson(const HeapDumpInfo& info);
// Errors: invalid argument.
Result<HeapDumpInfo> HeapDumpInfoFromJson(std::string_view text);

}  // namespace tidemark
