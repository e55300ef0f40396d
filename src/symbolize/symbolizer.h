// From an address in a file of machine code to the functions, files and lines behind it, inlined
// calls included. Works from outside and later: on files, never on a running process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace tidemark {

// A file of code as the process had it mapped.
struct ModuleRef {
  std::string path;
  std::string build_id;  // hex; a file with another one is refused. Empty = not checked
  // Stands before `path` when the file is opened: a process' own file system ("/proc/42/root").
  // Files of one path and build id are the same under every root.
  std::string root = {};
};

struct SymbolFrame {
  std::string function;     // demangled, without parameters: "shop::Archive::Keep"
  std::string system_name;  // as the linker knows it; equals `function` where nothing is mangled
  std::string file;         // of the line being executed; "" = no debug information
  int64_t line = 0;         // 1-based, 0 = unknown
  int64_t start_line = 0;   // where the function is declared, 0 = unknown
  bool operator==(const SymbolFrame&) const = default;
};

// What an address stands for: a return address is looked up one byte earlier, in the call itself.
enum class AddressKind : uint8_t { kReturn, kExact };

struct SymbolizerOptions {
  size_t max_cache_bytes = 256 << 20;  // frames, indexes and libdw's tables, as estimated
  size_t max_modules = 256;            // files open at a time
  // Separate debug information is looked for in DIR/.build-id/ab/cdef.debug and by debuglink.
  std::vector<std::string> debug_directories = {"/usr/lib/debug"};
  // And in DIR/BUILDID/debuginfo, as debuginfod's clients cache what they fetched;
  // BUILDID/executable stands in for a module that cannot be opened. Nothing is fetched.
  std::vector<std::string> cache_directories = {};
  // Map files rather than read them. A file that others may truncate under us must not be mapped;
  // one that is read has at most max_read_bytes.
  bool map_files = true;
  size_t max_read_bytes = 1 << 30;
};

// What the environment says of caches: DEBUGINFOD_CACHE_PATH, else
// XDG_CACHE_HOME/debuginfod_client, else HOME/.cache/debuginfod_client and
// HOME/.debuginfod_client_cache; and DIR/buildid of each file://DIR in DEBUGINFOD_URLS. Other URLs
// are left out: no network.
std::vector<std::string> DebuginfodDirectories(
    const std::function<std::string(const std::string&)>& environment);

struct SymbolizerStats {
  uint64_t lookups = 0, cache_hits = 0;
  uint64_t modules_opened = 0, modules_failed = 0;
  uint64_t modules_dropped = 0;  // closed because a limit was crossed
  size_t cache_bytes = 0;
};

// One thread uses a Symbolizer at a time. Least recently used modules are closed, with everything
// known of them, when a limit is crossed. Files are mapped: one that is truncated in place during
// a look-up ends the program (replacing by rename, as package managers do, is safe), unless
// map_files is off.
class Symbolizer {
 public:
  explicit Symbolizer(SymbolizerOptions options = {});
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  // Frames at the byte `file_offset` of the module, innermost inlined call first; the offset of an
  // address is `address - mapping.start + mapping.file_offset`. Empty = nothing is known (see
  // ModuleStatus for why). Never fails louder, whatever the file holds.
  std::vector<SymbolFrame> Frames(const ModuleRef& module, uint64_t file_offset,
                                  AddressKind kind = AddressKind::kReturn);

  // Fine when the module can be read. Errors: not found, corrupt (no ELF file), invalid argument
  // (stale: the file's build id is another one). A failed module is not tried again.
  Result<void> ModuleStatus(const ModuleRef& module);

  SymbolizerStats stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidemark
