#include "goheap/go_spool.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

namespace tidemark::goheap {
namespace {

constexpr uint64_t kForgetStep = uint64_t{4} << 20;

std::string Folder() {
  const char* folder = std::getenv("TMPDIR");
  return folder != nullptr && *folder != 0 ? folder : "/tmp";
}

Error SpoolError(const char* what) {
  return IoError(Folder() + ": " + what + " a temporary file: " + std::strerror(errno) +
                 "; TMPDIR names another folder");
}

Result<void> WriteAll(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return SpoolError("write to");
    bytes = bytes.subspan(static_cast<size_t>(wrote));
  }
  return {};
}

}  // namespace

Result<GoSpool> GoSpool::Copy(ByteCursor& cursor, uint64_t count) {
  std::string name = Folder() + "/tidemark-XXXXXX";
  const int fd = mkostemp(name.data(), O_CLOEXEC);
  if (fd < 0) return SpoolError("make");
  unlink(name.c_str());
  GoSpool spool(fd);
  for (uint64_t left = count; left > 0;) {
    TIDEMARK_ASSIGN_OR_RETURN(auto bytes, cursor.Peek(1));
    if (bytes.empty()) {
      return Corrupt("ends at offset " + std::to_string(cursor.offset()) + ", " +
                     std::to_string(left) + " bytes short");
    }
    bytes = bytes.first(static_cast<size_t>(std::min<uint64_t>(left, bytes.size())));
    TIDEMARK_RETURN_IF_ERROR(WriteAll(fd, bytes));
    cursor.Advance(bytes.size());
    left -= bytes.size();
  }
  void* const mapped = mmap(nullptr, count, PROT_READ, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) return SpoolError("map");
  spool.bytes_ = {static_cast<const std::byte*>(mapped), count};
  return spool;
}

GoSpool::GoSpool(GoSpool&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      bytes_(std::exchange(other.bytes_, {})),
      forgotten_(other.forgotten_) {}

GoSpool::~GoSpool() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  if (fd_ >= 0) close(fd_);
}

void GoSpool::Forget(uint64_t offset) {
  offset = std::min<uint64_t>(offset, bytes_.size()) & ~(kForgetStep - 1);
  if (offset <= forgotten_) return;
  madvise(const_cast<std::byte*>(bytes_.data()) + forgotten_, offset - forgotten_, MADV_DONTNEED);
  forgotten_ = offset;
}

}  // namespace tidemark::goheap
