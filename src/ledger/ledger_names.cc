// The words for the ledger's enums, as reports show them.
#include "ledger/ledger_reader.h"

namespace tidemark {

const char* LedgerStateName(ledger::State state) {
  switch (state) {
    case ledger::State::kStarting:
      return "starting";
    case ledger::State::kActive:
      return "active";
    case ledger::State::kOff:
      return "off";
    case ledger::State::kExited:
      return "exited";
  }
  return "unknown state";
}

const char* LedgerOffReasonName(ledger::OffReason reason) {
  switch (reason) {
    case ledger::OffReason::kNone:
      return "none";
    case ledger::OffReason::kDisabledByEnvironment:
      return "disabled by TIDEMARK_DISABLE";
    case ledger::OffReason::kSecureExecution:
      return "setuid or setgid program";
    case ledger::OffReason::kForeignAllocator:
      return "another allocator is linked in or preloaded";
    case ledger::OffReason::kUnsupportedCpu:
      return "processor is not x86-64";
    case ledger::OffReason::kAddressSpace:
      return "address space could not be reserved (ulimit -v?)";
    case ledger::OffReason::kFileRefused:
      return "ledger folder or file could not be made";
    case ledger::OffReason::kDiskFull:
      return "no room for the ledger";
    case ledger::OffReason::kLockTimeout:
      return "recorder's lock was not had in time";
    case ledger::OffReason::kInvariant:
      return "recorder found its own tables inconsistent";
    case ledger::OffReason::kFileCutShort:
      return "another process truncated the ledger";
  }
  return "unknown reason";
}

const char* LedgerLossName(ledger::Loss loss) {
  switch (loss) {
    case ledger::Loss::kLiveTableFull:
      return "live table full";
    case ledger::Loss::kStackTableFull:
      return "stack table full";
    case ledger::Loss::kModuleTableFull:
      return "module table full";
    case ledger::Loss::kSlabFull:
      return "no room for a sampled block";
    case ledger::Loss::kLockBusy:
      return "lock busy";
    case ledger::Loss::kReentered:
      return "allocation within the recorder";
    case ledger::Loss::kTruncatedStack:
      return "stack cut short";
    case ledger::Loss::kUnknownFree:
      return "free of an unknown pointer";
    case ledger::Loss::kCount:
      break;
  }
  return "unknown loss";
}

}  // namespace tidemark
