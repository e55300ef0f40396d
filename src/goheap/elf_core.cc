#include "goheap/elf_core.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "goheap/image_text.h"

namespace tidemark::goheap {
namespace {

using Bytes = std::span<const std::byte>;

constexpr uint64_t kMaxSegments = 1 << 20;
constexpr uint64_t kMaxNoteBytes = 64 << 20;
constexpr size_t kMaxEntries = 1 << 16;

template <typename T>
std::optional<T> At(Bytes bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// struct elf_prstatus of 64-bit Linux: the thread id at 32, the registers at 112.
void ReadThread(Bytes note, uint16_t machine, CoreNotes& notes) {
  constexpr uint64_t kIdAt = 32, kRegistersAt = 112;
  const auto id = At<int32_t>(note, kIdAt);
  if (!id || note.size() < kRegistersAt || notes.threads.size() >= kMaxEntries) return;
  if (auto thread = ReadRegisters(*id, machine, note.subspan(kRegistersAt))) {
    notes.threads.push_back(std::move(*thread));
  }
}

// NT_FILE: count, page size, count times {begin, end, offset in pages}, count NUL-ended paths.
void ReadFiles(Bytes note, CoreNotes& notes) {
  const auto count = At<uint64_t>(note, 0), page = At<uint64_t>(note, 8);
  if (!count || !page || *count > (note.size() - 16) / 24 || *count > kMaxEntries) return;
  const char* text = reinterpret_cast<const char*>(note.data()) + 16 + *count * 24;
  const char* end = reinterpret_cast<const char*>(note.data()) + note.size();
  for (uint64_t i = 0; i < *count; ++i) {
    const char* stop = std::find(text, end, '\0');
    if (stop == end) return;
    notes.files.push_back({*At<uint64_t>(note, 16 + i * 24), *At<uint64_t>(note, 24 + i * 24),
                           *At<uint64_t>(note, 32 + i * 24) * *page, std::string(text, stop)});
    text = stop + 1;
  }
}

void ReadAuxiliaryVector(Bytes note, CoreNotes& notes) {
  for (uint64_t at = 0; at + 16 <= note.size(); at += 16) {
    if (*At<uint64_t>(note, at) == AT_ENTRY) notes.entry = *At<uint64_t>(note, at + 8);
  }
}

void ReadNotes(Bytes bytes, uint16_t machine, CoreNotes& notes) {
  uint64_t at = 0;
  while (const auto header = At<Elf64_Nhdr>(bytes, at)) {
    const uint64_t name_bytes = (uint64_t{header->n_namesz} + 3) & ~uint64_t{3};
    const uint64_t begin = at + sizeof(*header) + name_bytes;
    if (begin > bytes.size() || header->n_descsz > bytes.size() - begin) return;
    const Bytes note = bytes.subspan(begin, header->n_descsz);
    if (header->n_type == NT_PRSTATUS) ReadThread(note, machine, notes);
    if (header->n_type == NT_FILE) ReadFiles(note, notes);
    if (header->n_type == NT_AUXV) ReadAuxiliaryVector(note, notes);
    at = begin + ((uint64_t{header->n_descsz} + 3) & ~uint64_t{3});
  }
}

// Of segments that overlap, which no real core has, the lower one has the say; in linear time.
void AddSorted(std::vector<std::pair<uint64_t, Bytes>>& loads, PieceImage& image) {
  std::stable_sort(loads.begin(), loads.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  uint64_t end = 0;
  for (const auto& [address, bytes] : loads) {
    const uint64_t covered = end > address ? end - address : 0;
    if (covered >= bytes.size()) continue;
    image.Add(address + covered, bytes.subspan(covered));
    end = address + std::min<uint64_t>(bytes.size(), ~address);
  }
}

struct SegmentTable {
  uint64_t offset = 0, count = 0;
};

Result<SegmentTable> FindSegments(Bytes bytes, const Elf64_Ehdr& header) {
  SegmentTable table{header.e_phoff, header.e_phnum};
  if (table.count == PN_XNUM) {  // the true count is in the first section header
    const auto section = At<Elf64_Shdr>(bytes, header.e_shoff);
    if (!section)
      return Corrupt("core: section header 0 at " + Hex(header.e_shoff) + " is cut off");
    table.count = section->sh_info;
  }
  if (header.e_phentsize != sizeof(Elf64_Phdr)) {
    return Corrupt("core: program headers of " + std::to_string(header.e_phentsize) + " bytes");
  }
  if (table.count > kMaxSegments) {
    return Corrupt("core: " + std::to_string(table.count) + " segments");
  }
  if (table.offset > bytes.size() ||
      table.count > (bytes.size() - table.offset) / sizeof(Elf64_Phdr)) {
    return Corrupt("core: " + std::to_string(table.count) + " program headers at " +
                   Hex(table.offset) + " go past its end at " + Hex(bytes.size()));
  }
  return table;
}

}  // namespace

Result<void> ElfCore::ReadTables(Bytes bytes) {
  const auto header = At<Elf64_Ehdr>(bytes, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
    return InvalidArgument("not an ELF file: it does not begin with 7f 45 4c 46");
  }
  if (header->e_type != ET_CORE || header->e_ident[EI_CLASS] != ELFCLASS64 ||
      header->e_ident[EI_DATA] != ELFDATA2LSB) {
    return InvalidArgument("not a 64-bit little-endian core: e_type " +
                           std::to_string(header->e_type) + ", class " +
                           std::to_string(header->e_ident[EI_CLASS]));
  }
  machine_ = header->e_machine;
  if (machine_ != EM_X86_64 && machine_ != EM_AARCH64) {
    return InvalidArgument("core of machine " + std::to_string(machine_) +
                           "; x86-64 (62) and aarch64 (183) are read");
  }
  TIDEMARK_ASSIGN_OR_RETURN(const SegmentTable table, FindSegments(bytes, *header));
  uint64_t cut_bytes = 0, first_cut = 0;
  std::vector<std::pair<uint64_t, Bytes>> loads;
  for (uint64_t i = 0; i < table.count; ++i) {
    const auto segment = *At<Elf64_Phdr>(bytes, table.offset + i * sizeof(Elf64_Phdr));
    const uint64_t begin = std::min<uint64_t>(segment.p_offset, bytes.size());
    const Bytes there = bytes.subspan(begin, std::min(segment.p_filesz, bytes.size() - begin));
    if (there.size() < segment.p_filesz) {
      if (cut_bytes == 0) first_cut = segment.p_vaddr + there.size();
      cut_bytes = std::max(cut_bytes, cut_bytes + (segment.p_filesz - there.size()));
    }
    if (segment.p_type == PT_LOAD && !there.empty()) loads.push_back({segment.p_vaddr, there});
    if (segment.p_type == PT_NOTE) {
      ReadNotes(there.first(std::min(there.size(), kMaxNoteBytes)), machine_, notes_);
    }
  }
  AddSorted(loads, image_);
  if (cut_bytes != 0) {
    damage_ = "core cut short at offset " + Hex(bytes.size()) + ": " + std::to_string(cut_bytes) +
              " bytes of memory are missing, the first at address " + Hex(first_cut);
  }
  for (const MappedFile& file : notes_.files) {
    if (notes_.entry >= file.begin && notes_.entry < file.end) notes_.executable = file.path;
  }
  return {};
}

Result<std::unique_ptr<ElfCore>> ElfCore::Parse(Bytes bytes) {
  std::unique_ptr<ElfCore> core(new ElfCore);
  TIDEMARK_RETURN_IF_ERROR(core->ReadTables(bytes));
  return core;
}

Result<std::unique_ptr<ElfCore>> ElfCore::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return NotFound(path + ": " + std::strerror(errno));
  struct stat status {};
  void* mapped = MAP_FAILED;
  if (fstat(fd, &status) == 0 && status.st_size > 0) {
    mapped = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  }
  const int problem = errno;
  close(fd);
  if (status.st_size == 0) return InvalidArgument(path + ": an empty file, no core");
  if (mapped == MAP_FAILED) return IoError(path + ": mmap: " + std::strerror(problem));
  std::unique_ptr<ElfCore> core(new ElfCore);
  core->mapped_ = {static_cast<const std::byte*>(mapped), static_cast<size_t>(status.st_size)};
  if (auto read = core->ReadTables(core->mapped_); !read) {
    Error error = read.error();
    error.message = path + ": " + error.message;
    return error;
  }
  return core;
}

ElfCore::~ElfCore() {
  if (!mapped_.empty()) munmap(const_cast<std::byte*>(mapped_.data()), mapped_.size());
}

}  // namespace tidemark::goheap
