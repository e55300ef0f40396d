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

std::unique_ptr<ElfFile> OpenWithBuildId(const std::string& path, const std::string& build_id) {
  auto file = ElfFile::Open(path);
  if (!file || (*file)->BuildId() != build_id || !(*file)->HasSection(".debug_info"))
    return nullptr;
  return std::move(*file);
}

std::unique_ptr<ElfFile> OpenWithCrc(const std::string& path, uint32_t crc) {
  auto file = ElfFile::Open(path);
  if (!file || !(*file)->HasSection(".debug_info") || CrcOfFile(path) != crc) return nullptr;
  return std::move(*file);
}

}  // namespace

std::unique_ptr<ElfFile> FindDebugFile(const ElfFile& file,
                                       const std::vector<std::string>& debug_directories) {
  const std::string build_id = file.BuildId();
  if (build_id.size() > 2) {
    for (const std::string& directory : debug_directories) {
      auto found = OpenWithBuildId(
          directory + "/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug",
          build_id);
      if (found) return found;
    }
  }
  GElf_Word crc = 0;
  const char* link = dwelf_elf_gnu_debuglink(file.elf(), &crc);
  // A debuglink is a bare file name; one with directories could point anywhere.
  if (link == nullptr || *link == '\0' || std::string_view(link).find('/') != std::string::npos) {
    return nullptr;
  }
  const std::string folder = std::filesystem::path(file.path()).parent_path().string();
  std::vector<std::string> places = {folder + "/" + link, folder + "/.debug/" + link};
  for (const std::string& directory : debug_directories) {
    places.push_back(directory + "/" + folder + "/" + link);
  }
  for (const std::string& place : places) {
    auto found = build_id.empty() ? OpenWithCrc(place, crc) : OpenWithBuildId(place, build_id);
    if (found) return found;
  }
  return nullptr;
}

}  // namespace tidemark
