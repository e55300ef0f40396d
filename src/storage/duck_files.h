// The names and sizes of an embedded store's files. Nothing here opens a database file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "storage/schema.h"

namespace tidemark {

class DuckFiles {
 public:
  explicit DuckFiles(std::string directory) : directory_(std::move(directory)) {}

  const std::string& directory() const { return directory_; }
  std::string PathOf(TableGroup group, int64_t start_ns) const;
  std::string TemporaryDirectory() const { return directory_ + "/tmp"; }

  // Makes the folders and removes what a crash left half made.
  Result<void> Prepare() const;
  // Starts of the group's files, rising.
  Result<std::vector<int64_t>> List(TableGroup group) const;
  // Bytes of a partition's file and log.
  uint64_t SizeOf(TableGroup group, int64_t start_ns) const;
  uint64_t QuarantineBytes() const;
  // Moves a file (a partition's or its log) to quarantine/.
  Result<void> SetAside(const std::string& path) const;
  // Deletes the oldest file in quarantine; false when there is none.
  bool DeleteOldestQuarantined() const;
  // Deletes a partition's file and log.
  Result<void> Delete(TableGroup group, int64_t start_ns) const;
  // Gives a finished new file its name, durably.
  Result<void> Publish(const std::string& from, const std::string& to) const;

 private:
  std::string directory_;
};

}  // namespace tidemark
