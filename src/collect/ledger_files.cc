#include "collect/ledger_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>
#include <optional>

#include "base/time.h"

namespace tidemark {
namespace {

constexpr std::string_view kSuffix = ".ledger";

// 0 = the name is not PID.ledger.
uint64_t PidOfName(std::string_view name) {
  uint64_t pid = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (error != std::errc() || std::string_view(end, name.data() + name.size()) != kSuffix) return 0;
  return pid;
}

// What stands at `path`, or behind the descriptor where `path` is "", without following a link;
// nothing when there is none.
std::optional<struct statx> Look(int fd, const std::string& path) {
  struct statx info = {};
  const int flags = AT_SYMLINK_NOFOLLOW | (path.empty() ? AT_EMPTY_PATH : 0);
  if (statx(fd, path.c_str(), flags, STATX_TYPE | STATX_INO | STATX_BTIME, &info) != 0) {
    return std::nullopt;
  }
  return info;
}

int64_t BornNs(const struct statx& info) {
  if ((info.stx_mask & STATX_BTIME) == 0) return 0;
  return info.stx_btime.tv_sec * kNsPerSecond + info.stx_btime.tv_nsec;
}

bool IsSame(const std::optional<struct statx>& info, const LedgerFile& file) {
  return info && S_ISREG(info->stx_mode) && info->stx_ino == file.inode &&
         BornNs(*info) == file.born_ns;
}

class Lister {
 public:
  Lister(LedgerListing* listing, size_t max_files) : listing_(listing), max_files_(max_files) {}

  void List(const std::string& directory, bool with_folders) {
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(opendir(directory.c_str()), closedir);
    if (!entries) return;
    std::vector<std::string> folders;
    while (const dirent* entry = readdir(entries.get())) {
      if (++looked_at_ > kMaxListedEntries) {
        ++listing_->left_out;
        return;
      }
      const std::string name = entry->d_name, path = directory + "/" + name;
      if (const uint64_t pid = PidOfName(name); pid != 0) {
        Add(path, pid);
      } else if (with_folders && name[0] != '.' && IsFolder(*entry, path)) {
        folders.push_back(path);
      }
    }
    for (const std::string& folder : folders) List(folder, false);
  }

 private:
  static bool IsFolder(const dirent& entry, const std::string& path) {
    if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
    const auto info = Look(AT_FDCWD, path);
    return info && S_ISDIR(info->stx_mode);
  }

  void Add(const std::string& path, uint64_t pid) {
    const auto info = Look(AT_FDCWD, path);
    if (!info) return;  // gone since
    if (!S_ISREG(info->stx_mode)) {
      ++listing_->refused;
    } else if (listing_->files.size() >= max_files_) {
      ++listing_->left_out;
    } else {
      listing_->files.push_back({path, pid, info->stx_ino, BornNs(*info)});
    }
  }

  LedgerListing* listing_;
  const size_t max_files_;
  size_t looked_at_ = 0;
};

}  // namespace

LedgerListing ListLedgers(const std::string& directory, size_t max_files) {
  LedgerListing listing;
  Lister(&listing, max_files).List(directory, true);
  std::sort(listing.files.begin(), listing.files.end(),
            [](const LedgerFile& a, const LedgerFile& b) { return a.path < b.path; });
  return listing;
}

Result<LedgerSnapshot> ReadLedgerFile(const LedgerFile& file) {
  const int fd = open(file.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) {
    const std::string message = "cannot open " + file.path + ": " + std::strerror(errno);
    return errno == ENOENT ? NotFound(message) : IoError(message);
  }
  auto snapshot = IsSame(Look(fd, ""), file)
                      ? ReadLedger(fd, file.path)
                      : Result<LedgerSnapshot>(NotFound(file.path + " is another file now"));
  close(fd);
  return snapshot;
}

bool IsThere(const LedgerFile& file) { return IsSame(Look(AT_FDCWD, file.path), file); }

void RemoveLedgerFile(const LedgerFile& file) {
  if (IsThere(file)) unlink(file.path.c_str());
}

}  // namespace tidemark
