#include "recorder/next_functions.h"

#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "recorder/elf_image.h"

namespace tidemark::recorder {
namespace {

struct Search {
  const char* name;
  bool past_ours;       // the iteration has come to this library
  uint64_t before;      // the first definition before this library
  uint64_t found;       // the first definition after this library
  bool in_cxx_library;  // of `found`
  bool in_libc;
};

bool IsOurs(const dl_phdr_info& info) {
  const auto here = reinterpret_cast<uint64_t>(&FindNext);
  for (size_t i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info.dlpi_phdr[i];
    const uint64_t start = info.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && here >= start && here - start < segment.p_memsz) return true;
  }
  return false;
}

bool IsCxxLibrary(const char* path) {
  const char* slash = strrchr(path, '/');
  const char* name = slash == nullptr ? path : slash + 1;
  return strncmp(name, "libstdc++.so", 12) == 0 || strncmp(name, "libc++.so", 9) == 0 ||
         strncmp(name, "libc++abi.so", 12) == 0;
}

int OnObject(dl_phdr_info* info, size_t, void* argument) {
  auto* search = static_cast<Search*>(argument);
  // The loader's own malloc (glibc before 2.31) serves only until libc is there.
  if (info->dlpi_addr == getauxval(AT_BASE)) return 0;
  if (IsOurs(*info)) {
    search->past_ours = true;
    return 0;
  }
  const ElfImage image(*info);
  const uint64_t address = image.FindAddress(search->name);
  if (address == 0) return 0;
  if (!search->past_ours) {
    // Whoever stands before us may call us as its next: going there would never end.
    if (search->before == 0) search->before = address;
    return 0;
  }
  search->found = address;
  search->in_cxx_library = info->dlpi_name != nullptr && IsCxxLibrary(info->dlpi_name);
  search->in_libc = image.FindSymbol("__libc_malloc") != nullptr &&
                    image.FindSymbol("gnu_get_libc_version") != nullptr;
  return 1;
}

Search Find(const char* name) {
  Search search{.name = name,
                .past_ours = false,
                .before = 0,
                .found = 0,
                .in_cxx_library = false,
                .in_libc = false};
  dl_iterate_phdr(&OnObject, &search);
  return search;
}

struct FirstSearch {
  const char* name;
  Definition found;
};

int OnObjectOfFirst(dl_phdr_info* info, size_t, void* argument) {
  auto* search = static_cast<FirstSearch*>(argument);
  if (IsOurs(*info)) return 0;
  const uint64_t address = ElfImage(*info).FindAddress(search->name);
  if (address == 0) return 0;
  search->found = {.at = reinterpret_cast<void*>(address),
                   .code_start = 0,
                   .code_limit = 0,
                   .in_program = info->dlpi_name == nullptr || *info->dlpi_name == 0};
  for (size_t i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info->dlpi_phdr[i];
    const uint64_t start = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type != PT_LOAD || address < start || address - start >= segment.p_memsz)
      continue;
    search->found.code_start = start;
    search->found.code_limit = start + segment.p_memsz;
  }
  return 1;
}

template <typename Function>
void SetFirst(Function* function, const char* name) {
  const Search search = Find(name);
  *function = reinterpret_cast<Function>(search.before != 0 ? search.before : search.found);
}

template <typename Function>
void Set(Function* function, const char* name) {
  *function = reinterpret_cast<Function>(Find(name).found);
}

}  // namespace

Definition FindFirst(const char* name) {
  FirstSearch search{.name = name, .found = {}};
  dl_iterate_phdr(&OnObjectOfFirst, &search);
  return search.found;
}

void* FindNext(const char* name) { return reinterpret_cast<void*>(Find(name).found); }

void FindNextFunctions(NextFunctions* next) {
  const Search malloc_found = Find("malloc");
  next->foreign_malloc =
      malloc_found.before != 0 || (malloc_found.found != 0 && !malloc_found.in_libc);
  const Search new_found = Find("_Znwm");
  next->foreign_new = next->foreign_malloc || new_found.before != 0 ||
                      (new_found.found != 0 && !new_found.in_cxx_library);
  next->malloc = reinterpret_cast<void* (*)(size_t)>(malloc_found.found);
  Set(&next->free, "free");
  Set(&next->calloc, "calloc");
  Set(&next->realloc, "realloc");
  Set(&next->memalign, "memalign");
  Set(&next->aligned_alloc, "aligned_alloc");
  Set(&next->posix_memalign, "posix_memalign");
  Set(&next->valloc, "valloc");
  Set(&next->pvalloc, "pvalloc");
  Set(&next->malloc_usable_size, "malloc_usable_size");
  SetFirst(&next->first_free, "free");
  SetFirst(&next->first_realloc, "realloc");
}

}  // namespace tidemark::recorder
