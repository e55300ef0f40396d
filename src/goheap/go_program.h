// A Go program as its executable describes it, fitted to a process's memory.
#pragma once

#include <memory>
#include <string>

#include "goheap/go_memory_source.h"
#include "goheap/memory_image.h"
#include "symbolize/elf_file.h"

namespace tidemark::goheap {

// The file and what was read of its tables; its memory is part of images, which it outlives.
class GoProgramFile {
 public:
  // Errors: not found, corrupt (ElfFile's); invalid argument: no Go program, or one whose symbols
  // were stripped (go build -ldflags=-s).
  static Result<std::unique_ptr<GoProgramFile>> Open(const std::string& path);

  // Adds what the file has in its loaded segments, `slide` bytes above their link addresses; only
  // those that nobody writes, or all. To what the image has already it adds nothing.
  void AddTo(PieceImage& image, uint64_t slide, bool writable_too) const;
  // Addresses and layouts for a process. `entry` is where the file's first instruction lies there
  // (AT_ENTRY), 0 = as linked. Errors: invalid argument (a Go version that is not known), corrupt
  // (the memory is not that of this file).
  Result<GoProgram> Fit(const MemoryImage& image, uint64_t slide) const;
  uint64_t SlideOf(uint64_t entry) const { return entry == 0 ? 0 : entry - entry_; }
  const std::string& path() const { return file_->path(); }

 private:
  explicit GoProgramFile(std::unique_ptr<ElfFile> file) : file_(std::move(file)) {}
  Result<void> ReadTables();
  uint64_t SymbolAddress(const char* name) const;
  Result<std::string> ReadVersion(const MemoryImage& image, uint64_t slide) const;

  std::unique_ptr<ElfFile> file_;
  uint64_t entry_ = 0;
  uint16_t machine_ = 0;
  std::map<std::string, uint64_t, std::less<>> variables_;  // link addresses of the runtime's
  std::shared_ptr<const std::vector<FunctionSymbol>> functions_;
};

}  // namespace tidemark::goheap
