// What /proc says of a process that we did not start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "collect/identity.h"
#include "collect/ledger_files.h"

namespace tidemark {

// Reads only; any thread may call. What cannot be read (no such process, no right to) is empty.
class ProcFiles {
 public:
  // `root` is "" but in tests, where it stands before /proc.
  explicit ProcFiles(std::string root = "") : root_(std::move(root)) {}

  // The process that writes the ledger: the one that calls itself by the file's pid and has the
  // file mapped. Nothing when it is gone. Where a process of that id may not be looked into, it is
  // believed.
  std::optional<uint64_t> WriterOf(const LedgerFile& file) const;

  // Start of the process in clock ticks since boot; 0 = there is none.
  uint64_t StartTicks(uint64_t pid) const;

  // Its environment at the last exec; at most 1 MiB is looked at, 16 KiB of each value.
  EnvironmentLookup EnvironmentOf(uint64_t pid) const;

  // Its command line, blanks between the words, at most 1 KiB.
  std::string CommandLineOf(uint64_t pid) const;

  // 64 hex digits out of its cgroup's path as Docker, containerd and CRI-O make it; "" outside a
  // container.
  std::string ContainerOf(uint64_t pid) const;

  // Where its file system begins: a module's path is to be opened below this.
  std::string RootOf(uint64_t pid) const;

 private:
  enum class Mapped { kNo, kYes, kUnknown };
  std::string Path(uint64_t pid, const char* name) const;
  std::string ReadFile(uint64_t pid, const char* name, size_t max_bytes) const;
  uint64_t InnermostPid(uint64_t pid) const;
  Mapped HasMapped(uint64_t pid, const LedgerFile& file) const;

  const std::string root_;
};

}  // namespace tidemark
