#include "goheap/go_program.h"

#include <gelf.h>

#include <algorithm>
#include <array>

#include "goheap/dwarf_fields.h"

namespace tidemark::goheap {
namespace {

constexpr size_t kMaxFunctions = 4 << 20;
constexpr std::array<std::string_view, 7> kStructs = {
    "runtime.mheap",        "runtime.mspan", "runtime.special",    "runtime.specialfinalizer",
    "runtime.cleanupQueue", "runtime.g",     "runtime.moduledata",
};

}  // namespace

Result<std::unique_ptr<GoProgramFile>> GoProgramFile::Open(const std::string& path) {
  TIDEMARK_ASSIGN_OR_RETURN(auto executable, GoExecutable::Open(path));
  std::unique_ptr<GoProgramFile> program(new GoProgramFile(std::move(executable)));
  TIDEMARK_RETURN_IF_ERROR(program->ReadTables());
  return program;
}

Result<void> GoProgramFile::ReadTables() {
  const ElfFile& file = executable_->file();
  GElf_Ehdr header;
  if (gelf_getehdr(file.elf(), &header) == nullptr) return Corrupt(file.path() + ": no ELF header");
  entry_ = header.e_entry;
  as_linked_.machine = header.e_machine;
  const auto symbol = [&](std::string_view name) { return executable_->Symbol(name).value_or(0); };
  as_linked_.addresses = {.heap = symbol("runtime.mheap_"),
                          .goroutines = symbol("runtime.allgs"),
                          .first_module = symbol("runtime.firstmoduledata"),
                          .finalizers = symbol("runtime.allfin"),
                          .cleanups = symbol("runtime.gcCleanups")};
  as_linked_.wait_reasons = symbol("runtime.waitReasonStrings");
  if (as_linked_.addresses.heap == 0 || as_linked_.addresses.first_module == 0) {
    return InvalidArgument(file.path() +
                           ": a Go program without symbols (built with -ldflags=-s): its heap "
                           "cannot be found; name an unstripped file of the same build");
  }
  as_linked_.version_text = executable_->version();
  as_linked_.version = ParseGoVersion(as_linked_.version_text);
  if (!as_linked_.version.known || as_linked_.version.major != 1) {
    return InvalidArgument(file.path() + ": Go version \"" + as_linked_.version_text +
                           "\" is not known");
  }
  const RuntimeFields fields = ReadRuntimeFields(file, kStructs);
  const FieldFinder find = [&fields](std::string_view type,
                                     std::string_view name) -> std::optional<FieldPlace> {
    const auto structure = fields.find(type);
    if (structure == fields.end()) return std::nullopt;
    const auto field = structure->second.find(std::string(name));
    if (field == structure->second.end()) return std::nullopt;
    return field->second;
  };
  auto layout = LayoutOfRuntime(as_linked_.version.minor, find);
  if (!layout) return InvalidArgument(file.path() + ": " + layout.error().message);
  as_linked_.layout = *layout;
  return {};
}

void GoProgramFile::AddTo(PieceImage& image, uint64_t slide, bool writable_too) const {
  Elf* const elf = executable_->file().elf();
  size_t size = 0, segments = 0;
  const char* const raw = elf_rawfile(elf, &size);
  if (raw == nullptr || elf_getphdrnum(elf, &segments) != 0) return;
  for (size_t i = 0; i < segments; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) continue;
    if (segment.p_type != PT_LOAD || ((segment.p_flags & PF_W) != 0 && !writable_too)) continue;
    if (segment.p_offset > size) continue;
    const size_t bytes = std::min<uint64_t>(segment.p_filesz, size - segment.p_offset);
    image.Add(segment.p_vaddr + slide,
              {reinterpret_cast<const std::byte*>(raw) + segment.p_offset, bytes});
  }
}

GoProgram GoProgramFile::At(uint64_t slide) const {
  GoProgram program = as_linked_;
  for (uint64_t* address :
       {&program.addresses.heap, &program.addresses.goroutines, &program.addresses.first_module,
        &program.addresses.finalizers, &program.addresses.cleanups, &program.wait_reasons}) {
    if (*address != 0) *address += slide;
  }
  const auto functions = std::make_shared<const std::vector<FunctionSymbol>>(
      FunctionSymbolsOf(executable_->file(), kMaxFunctions));
  program.function_at = [functions, slide](uint64_t pc) -> std::string {
    const FunctionSymbol* const found = FindSymbol(*functions, pc - slide);
    return found == nullptr ? "" : found->name;
  };
  return program;
}

// The module's own idea of where its code and types are is as good as a build id.
Result<void> GoProgramFile::CheckAgainst(const MemoryImage& image, uint64_t slide) const {
  constexpr std::string_view kSymbols[] = {"runtime.text", "runtime.types"};
  const uint32_t offsets[] = {as_linked_.layout.module_text, as_linked_.layout.module_types};
  for (int i = 0; i < 2; ++i) {
    const auto linked = executable_->Symbol(kSymbols[i]);
    if (!linked) continue;
    const auto there = image.Load<uint64_t>(as_linked_.addresses.first_module + slide + offsets[i]);
    if (there && *there == *linked + slide) continue;
    return Corrupt(executable_->path() + " (" + as_linked_.version_text +
                   ") is not the executable of this memory: runtime.firstmoduledata " +
                   (there ? "differs from it" : "is missing"));
  }
  return {};
}

}  // namespace tidemark::goheap
