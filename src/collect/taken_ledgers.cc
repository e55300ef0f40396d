#include "collect/taken_ledgers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>

namespace tidemark {
namespace {

constexpr std::string_view kTitle = "tidemark-taken 1";

std::string ReadBounded(const std::string& path, size_t max_bytes) {
  std::string text;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
  if (fd < 0) return text;
  struct stat info;
  if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) {
    char chunk[65536];
    ssize_t got;
    while (text.size() < max_bytes && (got = read(fd, chunk, sizeof chunk)) > 0)
      text.append(chunk, static_cast<size_t>(got));
  }
  close(fd);
  return text;
}

}  // namespace

std::set<LedgerFile> TakenLedgers::Parse(std::string_view text) {
  std::set<LedgerFile> files;
  std::istringstream in{std::string(text)};
  std::string line;
  if (!std::getline(in, line) || line != kTitle) return files;
  for (size_t lines = 0; lines < kMaxLedgers && std::getline(in, line); ++lines) {
    std::istringstream words(line);
    LedgerFile file;
    if (!(words >> file.inode >> file.born_ns >> file.pid) || words.get() != ' ' ||
        !std::getline(words, file.path)) {
      break;
    }
    files.insert(std::move(file));
  }
  return files;
}

std::string TakenLedgers::Text(const std::set<LedgerFile>& taken) {
  std::string text(kTitle);
  text += '\n';
  for (const LedgerFile& file : taken) {
    text += std::to_string(file.inode) + ' ' + std::to_string(file.born_ns) + ' ' +
            std::to_string(file.pid) + ' ' + file.path + '\n';
  }
  return text;
}

std::set<LedgerFile> TakenLedgers::Load() {
  const std::lock_guard lock(mutex_);
  for (const LedgerFile& file : Parse(ReadBounded(path_, kMaxBytes))) {
    if (taken_.size() < kMaxLedgers && IsThere(file)) taken_.insert(file);
  }
  return taken_;
}

void TakenLedgers::Add(const LedgerFile& file) {
  const std::lock_guard lock(mutex_);
  if (file.path.find('\n') != std::string::npos) return;
  std::erase_if(taken_, [](const LedgerFile& other) { return !IsThere(other); });
  if (taken_.size() < kMaxLedgers) taken_.insert(file);
  SaveLocked();
}

// In place of the old one at once, so that a reader never sees half of it.
void TakenLedgers::SaveLocked() const {
  const std::string fresh = path_ + ".new";
  unlink(fresh.c_str());
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return;
  const std::string text = Text(taken_);
  const bool written = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  if (!written || rename(fresh.c_str(), path_.c_str()) != 0) unlink(fresh.c_str());
}

}  // namespace tidemark
