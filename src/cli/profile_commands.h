// `tidemark top PROFILE` and `tidemark diff BASE PROFILE`.
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"

namespace tidemark {

struct ProfileCommandOptions {
  std::string base;     // empty for `top`
  std::string profile;  // pprof, gperftools or jemalloc text, or a ledger
  std::string type = "inuse_space";
  size_t rows = 20;
  OutputFormat format = OutputFormat::kText;
  std::vector<std::string> debug_directories;  // for the symbols of a ledger
  bool check = false;                          // diff: exit 1 when something grew
};

int RunTop(const ProfileCommandOptions& options);
int RunDiff(const ProfileCommandOptions& options);

}  // namespace tidemark
