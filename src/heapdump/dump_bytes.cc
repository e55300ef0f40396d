#include "heapdump/dump_bytes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/gzip_source.h"
#include "base/replay_source.h"
#include "heapdump/dump_format.h"

namespace tidemark {
namespace {

Result<std::vector<std::byte>> TakeBeginning(ByteSource& source) {
  std::vector<std::byte> beginning(kDumpMagicBytes);
  size_t have = 0;
  while (have < beginning.size()) {
    TIDEMARK_ASSIGN_OR_RETURN(const size_t got, source.Read(std::span(beginning).subspan(have)));
    if (got == 0) break;
    have += got;
  }
  beginning.resize(have);
  return beginning;
}

Error At(const std::string& path, Error error) {
  error.message = path + ": " + error.message;
  return error;
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

bool MayBeDump(std::span<const std::byte> beginning) {
  const bool gzip =
      beginning.size() >= 2 && beginning[0] == std::byte{0x1f} && beginning[1] == std::byte{0x8b};
  return gzip || DetectDumpFormat(beginning).has_value();
}

// A copy of a pipe that can be read again, in a file without a name. What begins as no dump is not
// copied: a device may have no end.
Result<std::unique_ptr<ByteSource>> Spool(ByteSource& pipe, const OpenDumpOptions& options) {
  const std::string directory = TempDirectory(options.temp_directory);
  const int fd = open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return IoError(directory + ": no temporary file: " + std::strerror(errno));
  std::vector<std::byte> piece(size_t{1} << 20);
  uint64_t kept = 0;
  auto beginning = TakeBeginning(pipe);
  Result<void> status;
  if (!beginning) {
    status = beginning.error();
  } else if (!MayBeDump(*beginning)) {
    status = InvalidArgument(UnknownDumpMessage(*beginning));
  } else {
    kept = beginning->size();
    status = WriteAll(fd, *beginning);
  }
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
  struct stat status {};
  const bool found = path != "-" && stat(path.c_str(), &status) == 0;
  if (found && S_ISDIR(status.st_mode))
    return InvalidArgument(path + ": is a folder, not a heap dump");
  DumpBytes opened;
  TIDEMARK_ASSIGN_OR_RETURN(auto file, OpenByteSource(path));
  opened.pipe = !file->size();
  opened.file_bytes = file->size().value_or(0);
  if (found && !opened.pipe)
    opened.file_time_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  if (opened.pipe && !options.one_reading) {
    auto copy = Spool(*file, options);
    if (!copy) return At(path, copy.error());
    file = *std::move(copy);
  }
  auto inflated = MaybeGunzip(std::move(file));
  if (!inflated) return At(path, inflated.error());
  opened.gzip = !opened.pipe && !(*inflated)->size();
  auto replay = std::make_unique<ReplaySource>(std::move(*inflated), kDumpMagicBytes);
  auto beginning = TakeBeginning(*replay);
  if (!beginning) return At(path, beginning.error());
  opened.beginning = *std::move(beginning);
  TIDEMARK_RETURN_IF_ERROR(replay->Rewind());
  replay->Forget();
  opened.bytes = std::move(replay);
  return opened;
}

}  // namespace tidemark
