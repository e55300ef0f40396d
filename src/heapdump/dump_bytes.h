// The bytes of a dump, whether they come from a file, a pipe or out of gzip.
#pragma once

#include <memory>
#include <vector>

#include "base/byte_source.h"
#include "heapdump/open_dump.h"

namespace tidemark {

struct DumpBytes {
  std::unique_ptr<ByteSource> bytes;  // inflated, at the first byte
  std::vector<std::byte> beginning;   // kDumpMagicBytes of them, fewer where there are fewer
  bool gzip = false;
  bool pipe = false;         // it can be read once
  uint64_t file_bytes = 0;   // 0 = a pipe
  int64_t file_time_ns = 0;  // 0 = a pipe
};

// Errors: not found, i/o; corrupt (gzip); resource exhausted (a pipe longer than may be kept). They
// name the path.
Result<DumpBytes> OpenDumpBytes(const std::string& path, const OpenDumpOptions& options);

// $TMPDIR, or /tmp, where `directory` is empty.
std::string TempDirectory(const std::string& directory);

}  // namespace tidemark
