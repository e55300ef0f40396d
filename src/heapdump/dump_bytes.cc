#include "heapdump/dump_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/gunzip_source.h"
#include "heapdump/dump_format.h"

namespace tidemark {
namespace {

// A source whose first bytes were read already.
class Prefixed : public ByteSource {
 public:
  Prefixed(std::vector<std::byte> prefix, std::unique_ptr<ByteSource> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}

  Result<size_t> Read(std::span<std::byte> into) override {
    if (next_ == prefix_.size()) return rest_->Read(into);
    const size_t count = std::min(into.size(), prefix_.size() - next_);
    std::copy_n(prefix_.data() + next_, count, into.data());
    next_ += count;
    return count;
  }
  Result<void> Rewind() override {
    TIDEMARK_RETURN_IF_ERROR(rest_->Rewind());
    next_ = prefix_.size();  // the rest begins again with these
    return {};
  }
  std::optional<uint64_t> size() const override { return rest_->size(); }

 private:
  const std::vector<std::byte> prefix_;
  std::unique_ptr<ByteSource> rest_;
  size_t next_ = 0;
};

Result<std::vector<std::byte>> TakeBeginning(ByteSource& source, size_t count) {
  std::vector<std::byte> beginning(count);
  size_t have = 0;
  while (have < count) {
    TIDEMARK_ASSIGN_OR_RETURN(const size_t got, source.Read(std::span(beginning).subspan(have)));
    if (got == 0) break;
    have += got;
  }
  beginning.resize(have);
  return beginning;
}

Result<void> WriteAll(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = write(fd, bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0)
      return IoError(std::string("cannot keep a copy of the pipe: ") + std::strerror(errno));
    bytes = bytes.subspan(static_cast<size_t>(wrote));
  }
  return {};
}

// A copy of a pipe that can be read again, in a file without a name.
Result<std::unique_ptr<ByteSource>> Spool(ByteSource& pipe, const OpenDumpOptions& options) {
  const std::string directory = TempDirectory(options.temp_directory);
  const int fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return IoError(directory + ": no temporary file: " + std::strerror(errno));
  std::vector<std::byte> piece(size_t{1} << 20);
  uint64_t kept = 0;
  Result<void> status;
  while (status) {
    const auto got = pipe.Read(piece);
    if (!got) status = got.error();
    if (!got || *got == 0) break;
    kept += *got;
    if (kept > options.max_spooled_bytes) {
      status = TooLarge("the pipe gave more than " + std::to_string(options.max_spooled_bytes) +
                        " bytes");
    } else {
      status = WriteAll(fd, std::span(piece).first(*got));
    }
  }
  if (!status) {
    close(fd);
    return status.error();
  }
  auto copy = OpenByteSource("/proc/self/fd/" + std::to_string(fd));
  close(fd);
  return copy;
}

}  // namespace

std::string TempDirectory(const std::string& directory) {
  if (!directory.empty()) return directory;
  const char* configured = std::getenv("TMPDIR");
  return configured != nullptr && *configured != '\0' ? configured : "/tmp";
}

Result<DumpBytes> OpenDumpBytes(const std::string& path, const OpenDumpOptions& options) {
  DumpBytes opened;
  TIDEMARK_ASSIGN_OR_RETURN(opened.bytes, OpenByteSource(path));
  struct stat status;
  if (path != "-" && stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    return InvalidArgument(path + ": is a folder, not a heap dump");
  if (const auto size = opened.bytes->size()) {
    opened.file_bytes = *size;
    if (path != "-" && stat(path.c_str(), &status) == 0)
      opened.file_time_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  } else if (options.one_reading) {
    opened.pipe = true;
  } else {
    TIDEMARK_ASSIGN_OR_RETURN(opened.bytes, Spool(*opened.bytes, options));
  }
  const auto put_back = [&]() -> Result<void> {
    if (!opened.pipe && !opened.gzip) return opened.bytes->Rewind();
    opened.bytes = std::make_unique<Prefixed>(opened.beginning, std::move(opened.bytes));
    return {};
  };
  TIDEMARK_ASSIGN_OR_RETURN(opened.beginning, TakeBeginning(*opened.bytes, kDumpMagicBytes));
  TIDEMARK_RETURN_IF_ERROR(put_back());
  if (opened.beginning.size() < 2 || opened.beginning[0] != std::byte{0x1f} ||
      opened.beginning[1] != std::byte{0x8b}) {
    return opened;
  }
  opened.gzip = true;
  opened.bytes = GunzipSource(std::move(opened.bytes));
  auto inside = TakeBeginning(*opened.bytes, kDumpMagicBytes);
  if (!inside) return Corrupt(path + ": " + inside.error().message);
  opened.beginning = *std::move(inside);
  TIDEMARK_RETURN_IF_ERROR(put_back());
  return opened;
}

}  // namespace tidemark
