#include "symbolize/symbolizer.h"

#include <list>
#include <optional>
#include <sstream>
#include <unordered_map>

#include "symbolize/dwarf_index.h"
#include "symbolize/elf_file.h"
#include "symbolize/symbol_name.h"

namespace tidemark {
namespace {

constexpr size_t kMaxSymbolsPerModule = 2'000'000;

size_t BytesOf(const std::vector<SymbolFrame>& frames) {
  size_t bytes = 64;
  for (const SymbolFrame& f : frames) {
    bytes += sizeof f + f.function.size() + f.system_name.size() + f.file.size();
  }
  return bytes;
}

// Everything known of one file. Without `file`, it could not be read: `error` says why.
struct Module {
  std::string key;
  std::string root;  // of the process for which it was first opened
  std::optional<Error> error;
  std::unique_ptr<ElfFile> file, debug_file;
  std::unique_ptr<DwarfIndex> dwarf;  // of debug_file or file; destroyed before them
  std::vector<FunctionSymbol> symbols;
  std::unordered_map<uint64_t, std::vector<SymbolFrame>> frames;  // by link-time address
  size_t own_bytes = 0;                                           // without `dwarf`

  size_t bytes() const { return own_bytes + (dwarf ? dwarf->bytes() : 0); }
};

DebugPlaces PlacesOf(const SymbolizerOptions& options) {
  return {options.debug_directories,
          options.cache_directories,
          {options.map_files, options.max_read_bytes}};
}

Result<std::unique_ptr<ElfFile>> OpenAt(const std::string& path, const ModuleRef& ref,
                                        const DebugPlaces& places) {
  TIDEMARK_ASSIGN_OR_RETURN(auto file, ElfFile::Open(path, places.access));
  const std::string build_id = file->BuildId();
  if (!ref.build_id.empty() && build_id != ref.build_id) {
    return InvalidArgument(path + " is stale: its build id is " +
                           (build_id.empty() ? "missing" : build_id) + ", the process ran " +
                           ref.build_id + "; keep the old file or its debug symbols");
  }
  return file;
}

// The file below the module's root; else, with the right build id, the file of that path in our own
// file system or out of a cache.
Result<std::unique_ptr<ElfFile>> OpenChecked(const ModuleRef& ref, const DebugPlaces& places) {
  if (ref.path.empty() || ref.path[0] != '/') {
    return NotFound("\"" + ref.path + "\" is no file of code");
  }
  auto file = OpenAt(ref.root + ref.path, ref, places);
  if (file || ref.build_id.empty()) return file;
  if (!ref.root.empty()) {
    if (auto ours = OpenAt(ref.path, ref, places)) return ours;
  }
  if (auto cached = FindExecutable(ref.build_id, places)) return cached;
  return file;
}

void ReadSymbols(const ModuleRef& ref, const DebugPlaces& places, Module* module) {
  if (!module->file->HasSection(".debug_info")) {
    module->debug_file =
        FindDebugFile(*module->file, ref.path.substr(0, ref.path.rfind('/')), places);
  }
  const ElfFile& source = module->debug_file ? *module->debug_file : *module->file;
  module->dwarf = DwarfIndex::Open(source);
  module->symbols = FunctionSymbolsOf(source, kMaxSymbolsPerModule);
  if (module->symbols.empty() && module->debug_file) {
    module->symbols = FunctionSymbolsOf(*module->file, kMaxSymbolsPerModule);
  }
  for (const FunctionSymbol& symbol : module->symbols) {
    module->own_bytes += sizeof symbol + symbol.name.size();
  }
}

std::vector<SymbolFrame> LookUp(Module* module, uint64_t address) {
  std::vector<SymbolFrame> frames;
  if (module->dwarf) frames = module->dwarf->Frames(address);
  const FunctionSymbol* symbol = FindSymbol(module->symbols, address);
  if (!frames.empty()) {
    // Functions local to a file have no linkage name in DWARF, but they have one in the symbols.
    SymbolFrame& outermost = frames.back();
    const bool mangled =
        outermost.system_name.starts_with("_Z") || outermost.system_name.starts_with("_R");
    if (symbol != nullptr && !mangled) {
      outermost.system_name = symbol->name;
      outermost.function = ReadableName(symbol->name);
    }
    return frames;
  }
  if (symbol == nullptr) return frames;
  SymbolFrame frame = module->dwarf ? module->dwarf->PlaceOf(address) : SymbolFrame();
  frame.function = ReadableName(symbol->name);
  frame.system_name = symbol->name;
  frames.push_back(std::move(frame));
  return frames;
}

}  // namespace

struct Symbolizer::Impl {
  SymbolizerOptions options;
  SymbolizerStats stats;
  std::list<std::unique_ptr<Module>> modules;  // most recently used first
  std::unordered_map<std::string, std::list<std::unique_ptr<Module>>::iterator> by_key;

  Module* Get(const ModuleRef& ref) {
    const std::string key = ref.path + '\n' + (ref.build_id.empty() ? ref.root : ref.build_id);
    if (const auto known = by_key.find(key); known != by_key.end()) {
      modules.splice(modules.begin(), modules, known->second);
      Module* module = modules.front().get();
      // What one process' file system lacks another's may have.
      if (!module->error || module->root == ref.root) return module;
      modules.pop_front();
      by_key.erase(known);
    }
    auto module = std::make_unique<Module>();
    module->key = key;
    module->root = ref.root;
    module->own_bytes = sizeof(Module) + 2 * key.size();
    const DebugPlaces places = PlacesOf(options);
    auto file = OpenChecked(ref, places);
    if (file) {
      module->file = std::move(*file);
      ReadSymbols(ref, places, module.get());
      ++stats.modules_opened;
    } else {
      module->error = file.error();
      ++stats.modules_failed;
    }
    modules.push_front(std::move(module));
    by_key[key] = modules.begin();
    return modules.front().get();
  }

  size_t Bytes() const {
    size_t bytes = 0;
    for (const auto& module : modules) bytes += module->bytes();
    return bytes;
  }

  // Closes modules until the limits hold; the one just used goes last. After a look-up only.
  void KeepLimits() {
    while (!modules.empty() &&
           (modules.size() > options.max_modules || Bytes() > options.max_cache_bytes)) {
      by_key.erase(modules.back()->key);
      modules.pop_back();
      ++stats.modules_dropped;
    }
  }
};

std::vector<std::string> DebuginfodDirectories(
    const std::function<std::string(const std::string&)>& environment) {
  std::vector<std::string> directories;
  const auto add = [&directories](const std::string& base, const std::string& folder) {
    if (!base.empty()) directories.push_back(base + folder);
  };
  if (const std::string given = environment("DEBUGINFOD_CACHE_PATH"); !given.empty()) {
    add(given, "");
  } else {
    const std::string home = environment("HOME"), cache = environment("XDG_CACHE_HOME");
    add(cache, "/debuginfod_client");
    if (cache.empty()) add(home, "/.cache/debuginfod_client");
    add(home, "/.debuginfod_client_cache");
  }
  constexpr std::string_view kFile = "file://";
  std::istringstream urls(environment("DEBUGINFOD_URLS"));
  for (std::string url; urls >> url;) {
    if (url.starts_with(kFile)) directories.push_back(url.substr(kFile.size()) + "/buildid");
  }
  return directories;
}

Symbolizer::Symbolizer(SymbolizerOptions options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}

Symbolizer::~Symbolizer() = default;

std::vector<SymbolFrame> Symbolizer::Frames(const ModuleRef& ref, uint64_t file_offset,
                                            AddressKind kind) {
  ++impl_->stats.lookups;
  Module* module = impl_->Get(ref);
  std::vector<SymbolFrame> frames;
  if (kind == AddressKind::kReturn && file_offset > 0) --file_offset;
  const auto address =
      module->file ? module->file->AddressOfOffset(file_offset) : std::optional<uint64_t>();
  if (address) {
    if (const auto known = module->frames.find(*address); known != module->frames.end()) {
      ++impl_->stats.cache_hits;
      return known->second;
    }
    frames = LookUp(module, *address);
    module->own_bytes += BytesOf(frames);
    module->frames.emplace(*address, frames);
  }
  impl_->KeepLimits();
  return frames;
}

Result<void> Symbolizer::ModuleStatus(const ModuleRef& ref) {
  const Module* module = impl_->Get(ref);
  Result<void> status = module->error ? Result<void>(*module->error) : Result<void>();
  impl_->KeepLimits();
  return status;
}

SymbolizerStats Symbolizer::stats() const {
  SymbolizerStats stats = impl_->stats;
  stats.cache_bytes = impl_->Bytes();
  return stats;
}

}  // namespace tidemark
