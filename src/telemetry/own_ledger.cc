#include "telemetry/own_ledger.h"

#include <unistd.h>

#include <fstream>

namespace tidemark::sdk {

Result<std::string> OwnLedgerPath(const std::string& root) {
  const std::string name = "/" + std::to_string(getpid()) + ".ledger";
  std::ifstream maps(root + "/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const size_t begin = line.find('/');
    if (begin != line.npos && line.ends_with(name)) return line.substr(begin);
  }
  return NotFound("this process is not recorded (no " + name.substr(1) +
                  " mapped): start it with `tidemark run` or preload libtidemark.so");
}

Result<LedgerSnapshot> ReadOwnLedger(const std::string& root) {
  TIDEMARK_ASSIGN_OR_RETURN(const std::string path, OwnLedgerPath(root));
  TIDEMARK_ASSIGN_OR_RETURN(LedgerSnapshot snapshot, ReadLedger(path));
  if (snapshot.header.state == ledger::State::kOff) {
    return Unavailable(path +
                       ": the recorder is off: " + LedgerOffReasonName(snapshot.header.off_reason));
  }
  return snapshot;
}

}  // namespace tidemark::sdk
