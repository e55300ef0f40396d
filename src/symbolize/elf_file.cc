#include "symbolize/elf_file.h"

#include <elfutils/libdwelf.h>
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace tidemark {
namespace {

std::string Hex(const void* bytes, size_t size) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < size; ++i) {
    const auto byte = static_cast<const unsigned char*>(bytes)[i];
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

bool IsFunction(const GElf_Sym& symbol) {
  const auto type = GELF_ST_TYPE(symbol.st_info);
  return (type == STT_FUNC || type == STT_GNU_IFUNC) && symbol.st_shndx != SHN_UNDEF &&
         symbol.st_value != 0;
}

void AppendSymbols(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, size_t max_symbols,
                   std::vector<FunctionSymbol>* out) {
  Elf_Data* data = elf_getdata(section, nullptr);
  if (data == nullptr || header.sh_entsize == 0) return;
  const size_t count = data->d_size / header.sh_entsize;
  for (size_t i = 0; i < count && out->size() < max_symbols; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) return;
    if (!IsFunction(symbol)) continue;
    const char* name = elf_strptr(elf, header.sh_link, symbol.st_name);
    if (name != nullptr && *name != '\0')
      out->push_back({symbol.st_value, symbol.st_size, std::string(name)});
  }
}

}  // namespace

Result<std::unique_ptr<ElfFile>> ElfFile::Open(const std::string& path, ElfAccess access) {
  elf_version(EV_CURRENT);
  // O_NONBLOCK: a FIFO in place of the file must not hold us up.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return NotFound("cannot open " + path + ": " + std::strerror(errno));
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    return NotFound(path + " is not a regular file");
  }
  if (!access.map && static_cast<uint64_t>(info.st_size) > access.max_read_bytes) {
    close(fd);
    return TooLarge(path + " has " + std::to_string(info.st_size) + " bytes, more than the " +
                    std::to_string(access.max_read_bytes) + " that are read");
  }
  Elf* elf = elf_begin(fd, access.map ? ELF_C_READ_MMAP : ELF_C_READ, nullptr);
  GElf_Ehdr header;
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == nullptr) {
    const int error = elf_errno();
    const std::string reason = error != 0 ? std::string(": ") + elf_errmsg(error) : "";
    if (elf != nullptr) elf_end(elf);
    close(fd);
    return Corrupt(path + " is no ELF file" + reason);
  }
  return std::unique_ptr<ElfFile>(new ElfFile(path, fd, elf));
}

ElfFile::~ElfFile() {
  elf_end(elf_);
  close(fd_);
}

std::string ElfFile::BuildId() const {
  const void* bytes = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(elf_, &bytes);
  return size > 0 ? Hex(bytes, static_cast<size_t>(size)) : std::string();
}

bool ElfFile::HasSection(const char* name) const {
  size_t names = 0;
  if (elf_getshdrstrndx(elf_, &names) != 0) return false;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* found = elf_strptr(elf_, names, header.sh_name);
    if (found != nullptr && std::strcmp(found, name) == 0) return true;
  }
  return false;
}

bool ElfFile::HasSegment(uint32_t type) const {
  size_t count = 0;
  if (elf_getphdrnum(elf_, &count) != 0) return false;
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf_, static_cast<int>(i), &segment) == nullptr) return false;
    if (segment.p_type == type) return true;
  }
  return false;
}

std::optional<uint64_t> ElfFile::AddressOfOffset(uint64_t file_offset) const {
  size_t count = 0;
  if (elf_getphdrnum(elf_, &count) != 0) return std::nullopt;
  std::optional<uint64_t> address;
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf_, static_cast<int>(i), &segment) == nullptr) break;
    if (segment.p_type != PT_LOAD || file_offset < segment.p_offset ||
        file_offset - segment.p_offset >= segment.p_filesz) {
      continue;
    }
    address = file_offset - segment.p_offset + segment.p_vaddr;
    if ((segment.p_flags & PF_X) != 0) break;
  }
  return address;
}

std::vector<FunctionSymbol> FunctionSymbolsOf(const ElfFile& file, size_t max_symbols) {
  std::vector<FunctionSymbol> symbols;
  for (const auto wanted : {SHT_SYMTAB, SHT_DYNSYM}) {
    for (Elf_Scn* section = nullptr; (section = elf_nextscn(file.elf(), section)) != nullptr;) {
      GElf_Shdr header;
      if (gelf_getshdr(section, &header) != nullptr &&
          header.sh_type == static_cast<GElf_Word>(wanted)) {
        AppendSymbols(file.elf(), section, header, max_symbols, &symbols);
      }
    }
  }
  // Of several names at one address (aliases, clones) the one with a size wins, then the first.
  std::stable_sort(symbols.begin(), symbols.end(), [](const auto& a, const auto& b) {
    if (a.address != b.address) return a.address < b.address;
    return a.size != 0 && b.size == 0;
  });
  const auto end = std::unique(symbols.begin(), symbols.end(),
                               [](const auto& a, const auto& b) { return a.address == b.address; });
  symbols.erase(end, symbols.end());
  return symbols;
}

const FunctionSymbol* FindSymbol(const std::vector<FunctionSymbol>& symbols, uint64_t address) {
  auto next =
      std::upper_bound(symbols.begin(), symbols.end(), address,
                       [](uint64_t wanted, const auto& symbol) { return wanted < symbol.address; });
  if (next == symbols.begin()) return nullptr;
  const FunctionSymbol& symbol = *(next - 1);
  if (symbol.size != 0 && address - symbol.address >= symbol.size) return nullptr;
  return &symbol;
}

}  // namespace tidemark
