// The recorder's ledger of this very process.
#pragma once

#include <string>

#include "base/result.h"
#include "ledger/ledger_reader.h"

namespace tidemark::sdk {

// The path, as the mapping of the recorder in this process has it: no other process' file, and no
// older one of the same pid, can be meant. `root` stands before /proc. Errors: not found, when the
// process is not recorded.
Result<std::string> OwnLedgerPath(const std::string& root);

// Errors: as OwnLedgerPath and ReadLedger; unavailable when the recorder has switched itself off,
// with its reason.
Result<LedgerSnapshot> ReadOwnLedger(const std::string& root);

}  // namespace tidemark::sdk
