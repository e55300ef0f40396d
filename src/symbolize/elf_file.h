// An ELF file opened for reading: build id, segments, function symbols, and where its separate
// debug information lies.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace tidemark {

// How the bytes of a file are had: mapped, or read as they are needed, from files of at most
// `max_read_bytes`.
struct ElfAccess {
  bool map = true;
  size_t max_read_bytes = 0;
};

// Owned by one thread. Moving is not needed; held by unique_ptr.
class ElfFile {
 public:
  // Errors: not found (or unreadable), corrupt (not ELF, cut short in its header), resource
  // exhausted (too large to read).
  static Result<std::unique_ptr<ElfFile>> Open(const std::string& path, ElfAccess access = {});
  ~ElfFile();
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  Elf* elf() const { return elf_; }
  const std::string& path() const { return path_; }
  std::string BuildId() const;  // hex, "" = none
  bool HasSection(const char* name) const;
  bool HasSegment(uint32_t type) const;  // PT_...
  // Link-time address of the byte at `file_offset`; executable segments first, since pages at the
  // seam of two segments are mapped twice.
  std::optional<uint64_t> AddressOfOffset(uint64_t file_offset) const;

 private:
  ElfFile(std::string path, int fd, Elf* elf) : path_(std::move(path)), fd_(fd), elf_(elf) {}
  std::string path_;
  int fd_;
  Elf* elf_;
};

struct FunctionSymbol {
  uint64_t address = 0;
  uint64_t size = 0;  // 0 = unknown: reaches to the next symbol
  std::string name;   // mangled
};

// Functions of .symtab and .dynsym, by address, one per address. At most `max_symbols`.
std::vector<FunctionSymbol> FunctionSymbolsOf(const ElfFile& file, size_t max_symbols);

// The symbol that covers `address`, or null.
const FunctionSymbol* FindSymbol(const std::vector<FunctionSymbol>& symbols, uint64_t address);

// Where separate files are looked for; SymbolizerOptions says how each is laid out.
struct DebugPlaces {
  std::vector<std::string> debug_directories, cache_directories;
  ElfAccess access;
};

// The file with the DWARF of `file`: found by build id in the debug and cache directories, else by
// .gnu_debuglink beside the file and in the debug directories; null when there is none. `folder` is
// the module's own, as the process knew it. A file whose build id (or, without one, whose CRC)
// differs is passed over.
std::unique_ptr<ElfFile> FindDebugFile(const ElfFile& file, const std::string& folder,
                                       const DebugPlaces& places);

// The module itself out of a cache directory, by build id (hex); null when none has it.
std::unique_ptr<ElfFile> FindExecutable(const std::string& build_id, const DebugPlaces& places);

}  // namespace tidemark
