// Where a command writes bytes to: a file, a FIFO or the standard output.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"

namespace tidemark {

// What was written of a file goes with the object unless Keep() was called.
class OutputFile {
 public:
  // "-" = the standard output, unless that is a terminal. `input`, where it is not "-", must be
  // another file. Errors: invalid argument, i/o.
  static Result<OutputFile> Open(const std::string& path, const std::string& input);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  // Errors: i/o, with the path.
  Result<void> Write(std::span<const std::byte> bytes);
  // `time_ns`: when the file was last written, as far as others are told (gzip gives its file the
  // age of what it compressed); 0 = now.
  Result<void> Keep(int64_t time_ns = 0);

 private:
  OutputFile(std::string path, int fd, bool remove)
      : path_(std::move(path)), fd_(fd), remove_(remove) {}
  std::string path_;
  int fd_;
  bool remove_;
};

}  // namespace tidemark
