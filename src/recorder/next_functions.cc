#include "recorder/next_functions.h"

#include <link.h>
#include <string.h>
#include <sys/auxv.h>

#include "recorder/elf_image.h"

namespace tidemark::recorder {
namespace {

struct Search {
  const char* name;
  uint64_t before = 0;          // the first definition before this library
  uint64_t found = 0;           // the first definition after this library
  bool in_cxx_library = false;  // of `found`
  bool in_libc = false;
};

// Several at once: reading an object's dynamic section costs more than a look-up in it.
struct Searches {
  Search* first;
  size_t count;
  bool past_ours;  // the iteration has come to this library
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

void LookIn(const ElfImage& image, const dl_phdr_info& info, bool past_ours, Search* search) {
  const uint64_t address = image.FindAddress(search->name);
  if (address == 0) return;
  if (!past_ours) {
    // Whoever stands before us may call us as its next: going there would never end.
    if (search->before == 0) search->before = address;
    return;
  }
  search->found = address;
  search->in_cxx_library = info.dlpi_name != nullptr && IsCxxLibrary(info.dlpi_name);
  search->in_libc = image.FindSymbol("__libc_malloc") != nullptr &&
                    image.FindSymbol("gnu_get_libc_version") != nullptr;
}

int OnObject(dl_phdr_info* info, size_t, void* argument) {
  auto* searches = static_cast<Searches*>(argument);
  // The loader's own malloc (glibc before 2.31) serves only until libc is there.
  if (info->dlpi_addr == getauxval(AT_BASE)) return 0;
  if (IsOurs(*info)) {
    searches->past_ours = true;
    return 0;
  }
  const ElfImage image(*info);
  bool all_found = true;
  for (size_t i = 0; i < searches->count; ++i) {
    Search& search = searches->first[i];
    if (search.found == 0) LookIn(image, *info, searches->past_ours, &search);
    all_found = all_found && search.found != 0;
  }
  return all_found ? 1 : 0;
}

template <size_t kCount>
void Find(Search (&searches)[kCount]) {
  Searches all{.first = searches, .count = kCount, .past_ours = false};
  dl_iterate_phdr(&OnObject, &all);
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
void Set(Function* function, uint64_t address) {
  *function = reinterpret_cast<Function>(address);
}

uint64_t FirstOf(const Search& search) { return search.before != 0 ? search.before : search.found; }

}  // namespace

Definition FindFirst(const char* name) {
  FirstSearch search{.name = name, .found = {}};
  dl_iterate_phdr(&OnObjectOfFirst, &search);
  return search.found;
}

void* FindNext(const char* name) {
  Search search[] = {{.name = name}};
  Find(search);
  return reinterpret_cast<void*>(search[0].found);
}

void FindNextFunctions(NextFunctions* next) {
  enum {
    kMalloc,
    kFree,
    kCalloc,
    kRealloc,
    kMemalign,
    kAligned,
    kPosix,
    kValloc,
    kPvalloc,
    kUsable
  };
  Search found[] = {{.name = "malloc"},         {.name = "free"},
                    {.name = "calloc"},         {.name = "realloc"},
                    {.name = "memalign"},       {.name = "aligned_alloc"},
                    {.name = "posix_memalign"}, {.name = "valloc"},
                    {.name = "pvalloc"},        {.name = "malloc_usable_size"}};
  Find(found);
  // Apart: of a C program every object is asked for it.
  Search new_found[] = {{.name = "_Znwm"}};
  Find(new_found);
  next->foreign_malloc =
      found[kMalloc].before != 0 || (found[kMalloc].found != 0 && !found[kMalloc].in_libc);
  next->foreign_new = next->foreign_malloc || new_found[0].before != 0 ||
                      (new_found[0].found != 0 && !new_found[0].in_cxx_library);
  Set(&next->malloc, found[kMalloc].found);
  Set(&next->free, found[kFree].found);
  Set(&next->calloc, found[kCalloc].found);
  Set(&next->realloc, found[kRealloc].found);
  Set(&next->memalign, found[kMemalign].found);
  Set(&next->aligned_alloc, found[kAligned].found);
  Set(&next->posix_memalign, found[kPosix].found);
  Set(&next->valloc, found[kValloc].found);
  Set(&next->pvalloc, found[kPvalloc].found);
  Set(&next->malloc_usable_size, found[kUsable].found);
  Set(&next->first_free, FirstOf(found[kFree]));
  Set(&next->first_realloc, FirstOf(found[kRealloc]));
}

}  // namespace tidemark::recorder
