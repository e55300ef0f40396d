// What is laid out before the command starts: the recorder's library, the folder of ledgers, the
// environment.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "collect/child_process.h"
#include "collect/identity.h"
#include "collect/run_options.h"
#include "symbolize/symbolizer.h"

namespace tidemark {

// libtidemark.so: the option, TIDEMARK_LIB, else ../lib, lib, ../../lib and the folder of the
// running program. Errors: not found, naming the places; invalid argument (the path holds a space
// or colon, which LD_PRELOAD cannot carry).
Result<std::string> FindRecorder(const RunOptions& options, const EnvironmentLookup& environment);

// A new folder for the ledgers of one run, mode 0700. `temporary`: ours to remove. Folders of runs
// that were killed more than an hour ago are removed on the way. Errors: i/o.
struct RunDirectory {
  std::string path;
  bool temporary = false;
};
Result<RunDirectory> MakeRunDirectory(const RunOptions& options);
void RemoveRunDirectory(const RunDirectory& directory);

// Where symbols are looked for: the given directories, /usr/lib/debug, debuginfod's caches.
SymbolizerOptions SymbolizerOptionsFor(const std::vector<std::string>& debug_directories,
                                       const EnvironmentLookup& environment);

// The command with our environment, the recorder preloaded, and the identity of the process in
// OTEL_RESOURCE_ATTRIBUTES (service.name, service.version and service.instance.id where the user
// set none).
ChildCommand CommandFor(const RunOptions& options, const ServiceIdentity& identity,
                        const std::string& recorder, const std::string& directory,
                        char* const* environment);

}  // namespace tidemark
