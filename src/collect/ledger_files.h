// The ledger files of a directory, found without trusting what lies there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "ledger/ledger_reader.h"

namespace tidemark {

// One file named PID.ledger. An exec, or a process that got the id anew, leaves another file of the
// same name: told apart by the inode, and by the birth since inodes are used again.
struct LedgerFile {
  std::string path;
  uint64_t pid = 0;  // as the file is named: the process' id in its own pid namespace
  uint64_t inode = 0;
  int64_t born_ns = 0;  // 0 = the file system does not say
  auto operator<=>(const LedgerFile&) const = default;
};

struct LedgerListing {
  std::vector<LedgerFile> files;  // by path
  // Names of ledgers that are no regular file (a link, a FIFO, a folder, a device).
  uint64_t refused = 0;
  uint64_t left_out = 0;  // beyond `max_files`, or beyond what is looked at
};

// At most this many entries are looked at in one listing.
inline constexpr size_t kMaxListedEntries = 65536;

// The ledgers in `directory` and in the folders directly within it (one folder a pod). Nothing is
// opened and no link is followed. An unreadable directory has none.
LedgerListing ListLedgers(const std::string& directory, size_t max_files);

// The snapshot of a listed file. Errors: as ReadLedger; not found too when another file has taken
// its place since.
Result<LedgerSnapshot> ReadLedgerFile(const LedgerFile& file);

// Whether the file is still there, and the same one.
bool IsThere(const LedgerFile& file);

// Removes the file if it is still the same one.
void RemoveLedgerFile(const LedgerFile& file);

}  // namespace tidemark
