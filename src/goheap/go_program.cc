#include "goheap/go_program.h"

#include <gelf.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace tidemark::goheap {
namespace {

constexpr size_t kMaxFunctions = 4 << 20;
constexpr uint64_t kMaxVersionBytes = 256;
constexpr std::array<std::string_view, 7> kVariables = {
    "runtime.mheap_",       "runtime.allgs",      "runtime.firstmoduledata",
    "runtime.allfin",       "runtime.gcCleanups", "runtime.waitReasonStrings",
    "runtime.buildVersion",
};

}  // namespace

Result<std::unique_ptr<GoProgramFile>> GoProgramFile::Open(const std::string& path) {
  TIDEMARK_ASSIGN_OR_RETURN(auto file, ElfFile::Open(path));
  std::unique_ptr<GoProgramFile> program(new GoProgramFile(std::move(file)));
  TIDEMARK_RETURN_IF_ERROR(program->ReadTables());
  return program;
}

Result<void> GoProgramFile::ReadTables() {
  Elf* const elf = file_->elf();
  GElf_Ehdr header;
  if (gelf_getehdr(elf, &header) == nullptr) return Corrupt(path() + ": no ELF header");
  entry_ = header.e_entry;
  machine_ = header.e_machine;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr table;
    if (gelf_getshdr(section, &table) == nullptr || table.sh_type != SHT_SYMTAB) continue;
    Elf_Data* const data = elf_getdata(section, nullptr);
    const size_t count = data == nullptr ? 0 : data->d_size / sizeof(Elf64_Sym);
    for (size_t i = 0; i < count; ++i) {
      GElf_Sym symbol;
      if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
      if (GELF_ST_TYPE(symbol.st_info) != STT_OBJECT) continue;
      const char* const name = elf_strptr(elf, table.sh_link, symbol.st_name);
      if (name == nullptr || std::string_view(name).substr(0, 8) != "runtime.") continue;
      if (std::find(kVariables.begin(), kVariables.end(), name) != kVariables.end()) {
        variables_[name] = symbol.st_value;
      }
    }
  }
  if (!variables_.contains("runtime.mheap_") || !variables_.contains("runtime.buildVersion")) {
    const bool go = file_->HasSection(".gopclntab") || file_->HasSection(".go.buildinfo");
    return InvalidArgument(path() +
                           (go ? ": a Go program without symbols (built with -ldflags=-s): "
                                 "its heap cannot be found; give the unstripped file of "
                                 "the same build"
                               : ": not a Go program: no symbol runtime.mheap_"));
  }
  functions_ =
      std::make_shared<const std::vector<FunctionSymbol>>(FunctionSymbolsOf(*file_, kMaxFunctions));
  return {};
}

void GoProgramFile::AddTo(PieceImage& image, uint64_t slide, bool writable_too) const {
  size_t size = 0, segments = 0;
  const char* const raw = elf_rawfile(file_->elf(), &size);
  if (raw == nullptr || elf_getphdrnum(file_->elf(), &segments) != 0) return;
  for (size_t i = 0; i < segments; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(file_->elf(), static_cast<int>(i), &segment) == nullptr) continue;
    if (segment.p_type != PT_LOAD || ((segment.p_flags & PF_W) != 0 && !writable_too)) continue;
    if (segment.p_offset > size) continue;
    const size_t bytes = std::min<uint64_t>(segment.p_filesz, size - segment.p_offset);
    image.Add(segment.p_vaddr + slide,
              {reinterpret_cast<const std::byte*>(raw) + segment.p_offset, bytes});
  }
}

uint64_t GoProgramFile::SymbolAddress(const char* name) const {
  const auto found = variables_.find(std::string_view(name));
  return found == variables_.end() ? 0 : found->second;
}

Result<std::string> GoProgramFile::ReadVersion(const MemoryImage& image, uint64_t slide) const {
  const uint64_t at = SymbolAddress("runtime.buildVersion") + slide;
  const auto text = image.Load<uint64_t>(at), bytes = image.Load<uint64_t>(at + 8);
  std::string version(std::min(bytes.value_or(0), kMaxVersionBytes), '\0');
  if (!text || version.empty() || !image.Read(*text, std::as_writable_bytes(std::span(version))) ||
      version.find("go") == std::string::npos) {
    return Corrupt("no Go version where " + path() +
                   " has runtime.buildVersion: it is not the executable of this memory");
  }
  return version;
}

Result<GoProgram> GoProgramFile::Fit(const MemoryImage& image, uint64_t slide) const {
  const auto address = [&](const char* name) {
    const uint64_t linked = SymbolAddress(name);
    return linked == 0 ? 0 : linked + slide;
  };
  GoProgram program;
  TIDEMARK_ASSIGN_OR_RETURN(program.version_text, ReadVersion(image, slide));
  program.version = ParseGoVersion(program.version_text);
  if (!program.version.known) {
    return InvalidArgument(path() + ": Go version \"" + program.version_text + "\" is not known");
  }
  const FieldFinder find = [](std::string_view, std::string_view) -> std::optional<FieldPlace> {
    return std::nullopt;
  };
  TIDEMARK_ASSIGN_OR_RETURN(program.layout, LayoutOfRuntime(program.version.minor, find));
  program.machine = machine_;
  program.addresses = {.heap = address("runtime.mheap_"),
                       .goroutines = address("runtime.allgs"),
                       .first_module = address("runtime.firstmoduledata"),
                       .finalizers = address("runtime.allfin"),
                       .cleanups = address("runtime.gcCleanups")};
  program.wait_reasons = address("runtime.waitReasonStrings");
  program.function_at = [functions = functions_, slide](uint64_t pc) -> std::string {
    const FunctionSymbol* const found = FindSymbol(*functions, pc - slide);
    return found == nullptr ? "" : found->name;
  };
  return program;
}

}  // namespace tidemark::goheap
