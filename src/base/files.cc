#include "base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace tidemark {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

Error SystemError(const char* what, const std::string& path) {
  const std::string message =
      std::string("cannot ") + what + " '" + path + "': " + std::strerror(errno);
  return errno == ENOENT ? NotFound(message) : IoError(message);
}

Result<void> WriteAll(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return SystemError("write", path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return {};
}

Result<void> WriteSynced(const std::string& path, std::string_view bytes) {
  const Descriptor file{open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (file.fd < 0) return SystemError("create", path);
  TIDEMARK_RETURN_IF_ERROR(WriteAll(file.fd, path, bytes));
  if (fsync(file.fd) != 0) return SystemError("sync", path);
  return {};
}

}  // namespace

Result<std::string> ReadWholeFile(const std::string& path, size_t max_bytes) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return SystemError("open", path);
  std::string bytes;
  char chunk[1 << 16];
  for (;;) {
    const ssize_t got = read(file.fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return SystemError("read", path);
    if (got == 0) return bytes;
    bytes.append(chunk, static_cast<size_t>(got));
    if (bytes.size() > max_bytes)
      return TooLarge("'" + path + "' has more than " + std::to_string(max_bytes) + " bytes");
  }
}

Result<void> WriteWholeFile(const std::string& path, std::string_view bytes) {
  struct stat there {};
  // Renaming a file over /dev/null would take it from everybody.
  if (stat(path.c_str(), &there) == 0 && !S_ISREG(there.st_mode)) {
    const Descriptor file{open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (file.fd < 0) return SystemError("open", path);
    return WriteAll(file.fd, path, bytes);
  }
  const std::string temporary = path + ".tmp";
  auto written = WriteSynced(temporary, bytes);
  if (written && std::rename(temporary.c_str(), path.c_str()) != 0)
    written = SystemError("rename", temporary);
  if (!written) unlink(temporary.c_str());
  return written;
}

}  // namespace tidemark
