// Profiles from files, whatever they are.
#pragma once

#include <string>

#include "base/result.h"
#include "model/profile.h"

namespace tidemark {

// A pprof profile, a gperftools or jemalloc text profile, or a ledger of the recorder (recognised
// by its magic). "-" is standard input. Errors name the path.
Result<Profile> ReadProfileFile(const std::string& path);

}  // namespace tidemark
