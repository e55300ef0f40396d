#include "cli/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tidemark {

Result<OutputFile> OutputFile::Open(const std::string& path, const std::string& input) {
  if (path == "-") {
    if (isatty(STDOUT_FILENO) != 0)
      return InvalidArgument("the shrunk dump is binary; name a file with --out");
    return OutputFile("standard output", dup(STDOUT_FILENO), false);
  }
  struct stat from, to;
  if (input != "-" && stat(input.c_str(), &from) == 0 && stat(path.c_str(), &to) == 0 &&
      from.st_dev == to.st_dev && from.st_ino == to.st_ino) {
    return InvalidArgument(path + ": is the dump itself; name another file with --out");
  }
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return IoError(path + ": " + std::strerror(errno));
  return OutputFile(path, fd, fstat(fd, &to) == 0 && S_ISREG(to.st_mode));
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      remove_(std::exchange(other.remove_, false)) {}

OutputFile::~OutputFile() {
  if (fd_ >= 0) close(fd_);
  if (remove_) unlink(path_.c_str());
}

Result<void> OutputFile::Write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd_, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return IoError(path_ + ": " + std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(wrote));
  }
  return {};
}

Result<void> OutputFile::Keep(int64_t time_ns) {
  const timespec time{time_ns / 1'000'000'000, time_ns % 1'000'000'000};
  const timespec times[2] = {time, time};
  if (remove_ && time_ns != 0) futimens(fd_, times);
  if (close(std::exchange(fd_, -1)) != 0) return IoError(path_ + ": " + std::strerror(errno));
  remove_ = false;
  return {};
}

}  // namespace tidemark
