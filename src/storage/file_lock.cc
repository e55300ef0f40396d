#include "storage/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tidemark {
namespace {

// Digits of the owner's process id, as it wrote them.
std::string OwnerOf(int descriptor) {
  char text[16] = {};
  const ssize_t size = pread(descriptor, text, sizeof text - 1, 0);
  std::string owner;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) owner.push_back(text[i]);
  return owner.empty() ? "of unknown id" : owner;
}

}  // namespace

Result<FileLock> FileLock::Take(const std::string& directory) {
  const std::string path = directory + "/LOCK";
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor < 0) return IoError("open " + path + ": " + std::strerror(errno));
  FileLock lock(descriptor);
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return IoError("flock " + path + ": " + std::strerror(errno));
    return Unavailable("data directory " + directory + " is in use by process " +
                       OwnerOf(descriptor) + "; stop it or choose another directory");
  }
  const std::string owner = std::to_string(getpid()) + "\n";
  if (ftruncate(descriptor, 0) != 0 ||
      pwrite(descriptor, owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size())) {
    return IoError("write " + path + ": " + std::strerror(errno));
  }
  return lock;
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) close(descriptor_);
}

FileLock::FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

}  // namespace tidemark
