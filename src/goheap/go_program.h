// A Go program as its executable describes it, fitted to a process's memory.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "goheap/go_executable.h"
#include "goheap/go_versions.h"
#include "goheap/memory_image.h"
#include "goheap/runtime_layout.h"
#include "goheap/runtime_walk.h"

namespace tidemark::goheap {

// What a reader of the memory must know of the program in it.
struct GoProgram {
  std::string version_text;  // "go1.26.8 X:nogreenteagc"
  GoVersion version;
  RuntimeLayout layout;
  RuntimeAddresses addresses;
  uint16_t machine = 0;       // EM_X86_64, EM_AARCH64
  uint64_t wait_reasons = 0;  // runtime.waitReasonStrings; 0: not there
  // Of the function that covers an address; "" = not known.
  std::function<std::string(uint64_t)> function_at;
};

// The executable's file; images may have pieces of it, and it outlives them.
class GoProgramFile {
 public:
  // Errors: GoExecutable's; invalid argument: symbols were stripped (go build -ldflags=-s), a
  // version whose runtime is not known.
  static Result<std::unique_ptr<GoProgramFile>> Open(const std::string& path);

  // How far above its link addresses the file lies in a process whose AT_ENTRY is `entry`; 0: not
  // known, as linked.
  uint64_t SlideOf(uint64_t entry) const { return entry == 0 ? 0 : entry - entry_; }
  // Adds what the file has in its loaded segments: only those that nobody writes, or all. It does
  // not hide what the image has already.
  void AddTo(PieceImage& image, uint64_t slide, bool writable_too) const;
  GoProgram At(uint64_t slide) const;
  // That the memory is of a process of this file. Errors: corrupt.
  Result<void> CheckAgainst(const MemoryImage& image, uint64_t slide) const;

 private:
  explicit GoProgramFile(std::unique_ptr<GoExecutable> executable)
      : executable_(std::move(executable)) {}
  Result<void> ReadTables();

  std::unique_ptr<GoExecutable> executable_;
  uint64_t entry_ = 0;
  GoProgram as_linked_;
};

}  // namespace tidemark::goheap
