// The sole owner of a directory: an flock on its file LOCK, which the kernel lets go when the
// process ends, however it ends. DuckDB's own lock is not enough: it is lost when the process
// closes any descriptor of the file.
#pragma once

#include <string>

#include "base/result.h"

namespace tidemark {

class FileLock {
 public:
  // Errors: unavailable, naming the process, when another owner lives; I/O when the file cannot be
  // made.
  static Result<FileLock> Take(const std::string& directory);
  ~FileLock();
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) = delete;

 private:
  explicit FileLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace tidemark
