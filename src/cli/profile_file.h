// Profiles from files, whatever they are.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "model/profile.h"

namespace tidemark {

// A pprof profile, a gperftools or jemalloc text profile, or a ledger of the recorder (recognised
// by its magic). "-" is standard input. Errors name the path.
// A ledger's symbols are looked for in `debug_directories` first.
Result<Profile> ReadProfileFile(const std::string& path,
                                const std::vector<std::string>& debug_directories);

}  // namespace tidemark
