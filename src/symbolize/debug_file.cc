// Where separate debug information lies; the order is gdb's ("Debugging Information in Separate
// Files" in its manual).
#include <elfutils/libdwelf.h>
#include <zlib.h>

#include <cstdio>
#include <filesystem>

#include "symbolize/elf_file.h"

namespace tidemark {
namespace {

// CRC-32 of a whole file, as .gnu_debuglink keeps it.
std::optional<uint32_t> CrcOfFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return std::nullopt;
  std::vector<unsigned char> buffer(1 << 20);
  uLong crc = crc32(0, nullptr, 0);
  while (const size_t read = std::fread(buffer.data(), 1, buffer.size(), file)) {
    crc = crc32(crc, buffer.data(), static_cast<uInt>(read));
  }
  std::fclose(file);
  return static_cast<uint32_t>(crc);
}

std::unique_ptr<ElfFile> OpenWithBuildId(const std::string& path, const std::string& build_id,
                                         ElfAccess access) {
  auto file = ElfFile::Open(path, access);
  if (!file || (*file)->BuildId() != build_id) return nullptr;
  return std::move(*file);
}

std::unique_ptr<ElfFile> WithDwarf(std::unique_ptr<ElfFile> file) {
  return file && file->HasSection(".debug_info") ? std::move(file) : nullptr;
}

std::unique_ptr<ElfFile> OpenWithCrc(const std::string& path, uint32_t crc, ElfAccess access) {
  auto file = ElfFile::Open(path, access);
  if (!file || CrcOfFile(path) != crc) return nullptr;
  return std::move(*file);
}

// A build id becomes part of a path.
bool IsBuildId(const std::string& text) {
  return text.size() > 2 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::unique_ptr<ElfFile> FindByBuildId(const std::string& id, const DebugPlaces& places) {
  std::vector<std::string> paths;
  for (const std::string& directory : places.debug_directories) {
    paths.push_back(directory + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug");
  }
  for (const std::string& directory : places.cache_directories) {
    paths.push_back(directory + "/" + id + "/debuginfo");
  }
  for (const std::string& path : paths) {
    if (auto found = WithDwarf(OpenWithBuildId(path, id, places.access))) return found;
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<ElfFile> FindDebugFile(const ElfFile& file, const std::string& folder,
                                       const DebugPlaces& places) {
  const std::string build_id = file.BuildId();
  if (IsBuildId(build_id)) {
    if (auto found = FindByBuildId(build_id, places)) return found;
  }
  GElf_Word crc = 0;
  const char* link = dwelf_elf_gnu_debuglink(file.elf(), &crc);
  // A debuglink is a bare file name; one with directories could point anywhere.
  if (link == nullptr || *link == '\0' || std::string_view(link).find('/') != std::string::npos) {
    return nullptr;
  }
  const std::string beside = std::filesystem::path(file.path()).parent_path().string();
  std::vector<std::string> paths = {beside + "/" + link, beside + "/.debug/" + link};
  for (const std::string& directory : places.debug_directories) {
    paths.push_back(directory + "/" + folder + "/" + link);
    paths.push_back(directory + "/" + link);
  }
  for (const std::string& path : paths) {
    auto found = WithDwarf(build_id.empty() ? OpenWithCrc(path, crc, places.access)
                                            : OpenWithBuildId(path, build_id, places.access));
    if (found) return found;
  }
  return nullptr;
}

std::unique_ptr<ElfFile> FindExecutable(const std::string& build_id, const DebugPlaces& places) {
  if (!IsBuildId(build_id)) return nullptr;
  for (const std::string& directory : places.cache_directories) {
    auto found =
        OpenWithBuildId(directory + "/" + build_id + "/executable", build_id, places.access);
    if (found) return found;
  }
  return nullptr;
}

}  // namespace tidemark
