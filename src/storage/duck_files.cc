#include "storage/duck_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

namespace tidemark {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kExtension = ".duckdb";

uint64_t FileBytes(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

std::vector<fs::path> FilesIn(const std::string& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    files.push_back(it->path());
  }
  return files;
}

// The parent's entry for a new name is what fsync of the folder makes durable.
Result<void> SyncFolder(const std::string& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return IoError("open " + folder + ": " + std::strerror(errno));
  const bool synced = fsync(descriptor) == 0;
  const int code = errno;
  close(descriptor);
  if (!synced) return IoError("fsync " + folder + ": " + std::strerror(code));
  return {};
}

}  // namespace

std::string DuckFiles::PathOf(TableGroup group, int64_t start_ns) const {
  return directory_ + "/" + std::string(GroupName(group)) + "/" +
         std::to_string(start_ns / kNsPerSecond) + std::string(kExtension);
}

Result<void> DuckFiles::Prepare() const {
  std::error_code error;
  std::vector<std::string> folders = {TemporaryDirectory(), directory_ + "/quarantine"};
  for (const TableGroup group : kTableGroups) {
    folders.push_back(directory_ + "/" + std::string(GroupName(group)));
  }
  for (const std::string& folder : folders) {
    fs::create_directories(folder, error);
    if (error) return IoError("create " + folder + ": " + error.message());
  }
  for (const TableGroup group : kTableGroups) {
    for (const fs::path& path : FilesIn(directory_ + "/" + std::string(GroupName(group)))) {
      if (path.string().find(".new") != std::string::npos) fs::remove(path, error);
    }
  }
  return {};
}

Result<std::vector<int64_t>> DuckFiles::List(TableGroup group) const {
  const std::string folder = directory_ + "/" + std::string(GroupName(group));
  std::vector<int64_t> starts;
  for (const fs::path& path : FilesIn(folder)) {
    if (path.extension() != kExtension) continue;
    const std::string stem = path.stem().string();
    int64_t seconds = 0;
    const auto [end, code] = std::from_chars(stem.data(), stem.data() + stem.size(), seconds);
    const bool whole = code == std::errc() && end == stem.data() + stem.size();
    const int64_t start_ns =
        whole && seconds >= 0 && seconds < INT64_MAX / kNsPerSecond ? seconds * kNsPerSecond : -1;
    if (start_ns < 0 || PartitionStart(group, start_ns) != start_ns) {
      return InvalidArgument("unexpected file " + path.string() +
                             " in the data directory; move it elsewhere");
    }
    starts.push_back(start_ns);
  }
  std::sort(starts.begin(), starts.end());
  return starts;
}

uint64_t DuckFiles::SizeOf(TableGroup group, int64_t start_ns) const {
  const std::string path = PathOf(group, start_ns);
  return FileBytes(path) + FileBytes(path + ".wal");
}

uint64_t DuckFiles::QuarantineBytes() const {
  uint64_t bytes = 0;
  for (const fs::path& path : FilesIn(directory_ + "/quarantine"))
    bytes += FileBytes(path.string());
  return bytes;
}

Result<void> DuckFiles::SetAside(const std::string& path) const {
  const fs::path source(path);
  const std::string name =
      source.parent_path().filename().string() + "-" + source.filename().string();
  std::error_code error;
  // The number keeps the names apart and in order.
  for (int number = 1;; ++number) {
    const std::string target = directory_ + "/quarantine/" + name + "." + std::to_string(number);
    if (fs::exists(target, error)) continue;
    fs::rename(source, target, error);
    if (error) return IoError("rename " + path + " to " + target + ": " + error.message());
    return {};
  }
}

bool DuckFiles::DeleteOldestQuarantined() const {
  std::error_code error;
  const std::vector<fs::path> files = FilesIn(directory_ + "/quarantine");
  const auto oldest =
      std::min_element(files.begin(), files.end(), [&](const auto& a, const auto& b) {
        return fs::last_write_time(a, error) < fs::last_write_time(b, error);
      });
  return oldest != files.end() && fs::remove(*oldest, error);
}

Result<void> DuckFiles::Delete(TableGroup group, int64_t start_ns) const {
  const std::string path = PathOf(group, start_ns);
  std::error_code error;
  // The log first: a log without its file would be replayed into the next file of that name.
  for (const std::string& file : {path + ".wal", path}) {
    fs::remove(file, error);
    if (error) return IoError("delete " + file + ": " + error.message());
  }
  return {};
}

Result<void> DuckFiles::Publish(const std::string& from, const std::string& to) const {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) return IoError("rename " + from + " to " + to + ": " + error.message());
  return SyncFolder(fs::path(to).parent_path().string());
}

}  // namespace tidemark
