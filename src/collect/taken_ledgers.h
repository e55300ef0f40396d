// Which ended processes' last profiles a server has, for a `tidemark watch` that is started again:
// the file `.tidemark-taken` in the watched directory, a line a ledger that is still there:
//   tidemark-taken 1
//   INODE BORN_NS PID PATH
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "collect/ledger_files.h"

namespace tidemark {

// Any thread. What lies in the directory is not trusted: at most kMaxBytes and kMaxLedgers lines
// are read, a line that is none ends the reading, and no link is followed. Where the file cannot be
// written (a directory that may only be read) nothing is remembered.
class TakenLedgers {
 public:
  static constexpr size_t kMaxLedgers = 4096;
  static constexpr size_t kMaxBytes = 4 << 20;

  explicit TakenLedgers(std::string directory) : path_(std::move(directory) + "/.tidemark-taken") {}

  // The ledgers that the file's text names, be they there or not.
  static std::set<LedgerFile> Parse(std::string_view text);
  static std::string Text(const std::set<LedgerFile>& taken);

  // What was remembered and is still there.
  std::set<LedgerFile> Load();
  // Remembers one more; those that are gone, and the ones beyond kMaxLedgers, are forgotten.
  void Add(const LedgerFile& file);

 private:
  void SaveLocked() const;

  const std::string path_;
  std::mutex mutex_;  // guards all below
  std::set<LedgerFile> taken_;
};

}  // namespace tidemark
