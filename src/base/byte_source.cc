#include "base/byte_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace tidemark {
namespace {

constexpr size_t kFirstWindow = size_t{1} << 20;

class FileSource : public ByteSource {
 public:
  FileSource(std::string path, int fd) : path_(std::move(path)), fd_(fd) {
    struct stat status;
    regular_ = fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
    if (regular_) size_ = static_cast<uint64_t>(status.st_size);
    posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~FileSource() override { close(fd_); }

  Result<size_t> Read(std::span<std::byte> into) override {
    while (true) {
      const ssize_t got = read(fd_, into.data(), into.size());
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return IoError(path_ + ": read: " + std::strerror(errno));
    }
  }

  Result<void> Rewind() override {
    if (!regular_) return InvalidArgument(path_ + ": a pipe can be read only once");
    if (lseek(fd_, 0, SEEK_SET) < 0) return IoError(path_ + ": lseek: " + std::strerror(errno));
    return {};
  }

  std::optional<uint64_t> size() const override { return size_; }

 private:
  const std::string path_;
  const int fd_;
  bool regular_ = false;
  std::optional<uint64_t> size_;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes) {}

  Result<size_t> Read(std::span<std::byte> into) override {
    const size_t count = std::min(into.size(), bytes_.size() - next_);
    std::copy_n(bytes_.data() + next_, count, into.data());
    next_ += count;
    return count;
  }
  Result<void> Rewind() override {
    next_ = 0;
    return {};
  }
  std::optional<uint64_t> size() const override { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  size_t next_ = 0;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> OpenByteSource(const std::string& path) {
  const int fd = path == "-" ? dup(STDIN_FILENO) : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const std::string message = path + ": " + std::strerror(errno);
    return errno == ENOENT ? NotFound(message) : IoError(message);
  }
  return std::unique_ptr<ByteSource>(std::make_unique<FileSource>(path, fd));
}

std::unique_ptr<ByteSource> BytesInMemory(std::span<const std::byte> bytes) {
  return std::make_unique<MemorySource>(bytes);
}

ByteCursor::ByteCursor(ByteSource& source, size_t max_window)
    : source_(source),
      max_window_(max_window),
      window_(
          std::min<uint64_t>({kFirstWindow, max_window, source.size().value_or(kFirstWindow)})) {}

Result<std::span<const std::byte>> ByteCursor::Peek(size_t count) {
  if (count > max_window_) {
    return TooLarge("a record of " + std::to_string(count) + " bytes at offset " +
                    std::to_string(offset_) + " is longer than the window of " +
                    std::to_string(max_window_));
  }
  if (end_ - begin_ < count && !at_end_) {
    std::copy(window_.begin() + static_cast<ptrdiff_t>(begin_),
              window_.begin() + static_cast<ptrdiff_t>(end_), window_.begin());
    end_ -= begin_;
    begin_ = 0;
    Resize(count);
    while (end_ < count && !at_end_) {
      TIDEMARK_ASSIGN_OR_RETURN(const size_t got, source_.Read(std::span(window_).subspan(end_)));
      end_ += got;
      at_end_ = got == 0;
    }
  }
  return std::span<const std::byte>(window_.data() + begin_, end_ - begin_);
}

// For `count` bytes, of which end_ are there. Beyond kKeptWindow only as long as a record needs it.
void ByteCursor::Resize(size_t count) {
  if (count > window_.size()) {
    window_.resize(
        std::min(count < kKeptWindow / 2 ? count * 2 : count + kKeptWindow / 4, max_window_));
  } else if (window_.size() > kKeptWindow && std::max(count, end_) < kKeptWindow / 2) {
    window_.resize(kKeptWindow);
    window_.shrink_to_fit();
  }
}

Result<void> ByteCursor::Skip(uint64_t count) {
  while (count > 0) {
    TIDEMARK_ASSIGN_OR_RETURN(const auto bytes, Peek(1));
    if (bytes.empty()) {
      return Corrupt("ends at offset " + std::to_string(offset_) + ", " + std::to_string(count) +
                     " bytes short");
    }
    const size_t step = static_cast<size_t>(std::min<uint64_t>(count, bytes.size()));
    Advance(step);
    count -= step;
  }
  return {};
}

}  // namespace tidemark
