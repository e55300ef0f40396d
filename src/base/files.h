// Whole files, with limits and with the promise that a written file is on disk.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace tidemark {

// Errors: not found, too large (resource exhausted), i/o; each names the path.
Result<std::string> ReadWholeFile(const std::string& path, size_t max_bytes);

// Writes PATH.tmp, syncs it, renames it to PATH: readers see the old file or the new one, whole.
// What is there and no file (a device, a FIFO) is written to and stays what it is.
// Errors: i/o.
Result<void> WriteWholeFile(const std::string& path, std::string_view bytes);

}  // namespace tidemark
