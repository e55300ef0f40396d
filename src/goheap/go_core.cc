#include "goheap/go_core.h"

#include "goheap/elf_core.h"
#include "goheap/go_memory_source.h"
#include "goheap/go_program.h"

namespace tidemark::goheap {
namespace {

struct OpenCore {
  std::unique_ptr<GoProgramFile> file;  // the core's image has pieces of it
  std::unique_ptr<ElfCore> core;
};

}  // namespace

Result<std::unique_ptr<heapgraph::HeapSource>> OpenGoCore(const std::string& core_path,
                                                          const std::string& executable_path,
                                                          std::string* used) {
  auto open = std::make_shared<OpenCore>();
  TIDEMARK_ASSIGN_OR_RETURN(open->core, ElfCore::Open(core_path));
  const std::string& path =
      executable_path.empty() ? open->core->notes().executable : executable_path;
  if (path.empty()) {
    return InvalidArgument(core_path + ": says nothing of its executable; name it with --exe");
  }
  auto file = GoProgramFile::Open(path);
  if (!file && executable_path.empty()) {
    return Error{file.error().code,
                 file.error().message + " (" + core_path + " names it; --exe FILE names another)",
                 file.error().retryable};
  }
  if (!file) return file.error();
  open->file = *std::move(file);
  if (used != nullptr) *used = path;
  PieceImage& image = open->core->image();
  const uint64_t slide = open->file->SlideOf(open->core->notes().entry);
  open->file->AddTo(image, slide, true);
  const auto in_core = [&core_path](const Error& error) {
    return Error{error.code, core_path + ": " + error.message, error.retryable};
  };
  if (auto fits = open->file->CheckAgainst(image, slide); !fits) return in_core(fits.error());
  GoProgram program = open->file->At(slide);
  auto tables =
      ReadGoHeapTables(image, program.layout, program.addresses, open->core->notes().threads);
  if (!tables) return in_core(tables.error());
  std::string damage = open->core->damage();
  return std::unique_ptr<heapgraph::HeapSource>(
      new GoMemorySource("go core", std::move(program), std::move(*tables), image, image,
                         std::move(open), std::move(damage)));
}

}  // namespace tidemark::goheap
