// An ELF core: the memory, threads and files of a process that died or was dumped.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "goheap/memory_image.h"
#include "goheap/thread_registers.h"

namespace tidemark::goheap {

// A file that was mapped (NT_FILE).
struct MappedFile {
  uint64_t begin = 0, end = 0, file_offset = 0;
  std::string path;
};

// What the notes tell. Fields are 0 or empty where their note is missing.
struct CoreNotes {
  std::vector<ThreadRegisters> threads;
  std::vector<MappedFile> files;
  uint64_t entry = 0;      // AT_ENTRY: where the executable's first instruction was mapped
  std::string executable;  // path of the file mapped around `entry`
};

// 64-bit little-endian cores of x86-64 and aarch64, written by Linux or gdb.
// Limits: 2^20 segments, 64 MiB of notes, 2^16 threads and files.
class ElfCore {
 public:
  // Errors: not found, i/o, and Parse's. A file that another program shortens while it is open ends
  // ours (SIGBUS): cores are written once.
  static Result<std::unique_ptr<ElfCore>> Open(const std::string& path);
  // `bytes` outlive the core. Errors: invalid argument (no ELF core of these machines), corrupt
  // (its tables lie outside); with offset and value.
  static Result<std::unique_ptr<ElfCore>> Parse(std::span<const std::byte> bytes);
  ~ElfCore();

  PieceImage& image() { return image_; }
  const CoreNotes& notes() const { return notes_; }
  uint16_t machine() const { return machine_; }  // EM_X86_64, EM_AARCH64
  // "" = whole; else what of the segments the file's end cut off.
  const std::string& damage() const { return damage_; }

 private:
  ElfCore() = default;
  Result<void> ReadTables(std::span<const std::byte> bytes);

  std::span<const std::byte> mapped_;  // of Open; unmapped at the end
  PieceImage image_;
  CoreNotes notes_;
  uint16_t machine_ = 0;
  std::string damage_;
};

}  // namespace tidemark::goheap
