#include "cli/profile_file.h"

#include <cstring>

#include "cli/output.h"
#include "codec/pprof.h"
#include "collect/profile_builder.h"
#include "collect/run_environment.h"
#include "ledger/ledger_reader.h"

namespace tidemark {
namespace {

constexpr size_t kMaxFileBytes = 1ULL << 30;

bool IsLedger(const std::string& bytes) {
  return bytes.size() >= sizeof ledger::kMagic &&
         std::memcmp(bytes.data(), &ledger::kMagic, sizeof ledger::kMagic) == 0;
}

Error At(const std::string& path, Error error) {
  if (error.message.find(path) == std::string::npos) error.message = path + ": " + error.message;
  return error;
}

}  // namespace

Result<Profile> ReadProfileFile(const std::string& path,
                                const std::vector<std::string>& debug_directories) {
  TIDEMARK_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path, kMaxFileBytes));
  if (IsLedger(bytes)) {
    const auto ledger = ReadLedger(path);
    if (!ledger) return At(path, ledger.error());
    Symbolizer symbolizer(SymbolizerOptionsFor(debug_directories, FromEnvironment));
    return BuildProfile(*ledger, symbolizer, {.time_ns = ledger->header.start_unix_ns});
  }
  auto profile = DecodeProfile(bytes);
  if (!profile) return At(path, profile.error());
  return profile;
}

}  // namespace tidemark
