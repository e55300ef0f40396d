#include "collect/allocator_frames.h"

#include <algorithm>
#include <array>

namespace tidemark {
namespace {

constexpr std::array<std::string_view, 20> kAllocators = {
    "malloc",        "calloc",        "realloc",        "reallocarray",    "memalign",
    "aligned_alloc", "valloc",        "pvalloc",        "operator new",    "operator new[]",
    "strdup",        "strndup",       "__strdup",       "__strndup",       "posix_memalign",
    "__libc_malloc", "__libc_calloc", "__libc_realloc", "__libc_memalign", "__libc_reallocarray"};

}  // namespace

bool IsAllocatorPlumbing(std::string_view function) {
  // je_ and the one below it: jemalloc linked into the program, whose stacks begin inside of it.
  return function.starts_with("std::") || function.starts_with("__gnu_cxx::") ||
         function.starts_with("je_") || function == "prof_backtrace_impl" ||
         std::find(kAllocators.begin(), kAllocators.end(), function) != kAllocators.end();
}

size_t LeadingPlumbing(const std::vector<SymbolFrame>& frames) {
  size_t count = 0;
  while (count < frames.size() && IsAllocatorPlumbing(frames[count].function)) ++count;
  return count;
}

const std::string& DropFramesPattern() {
  static const std::string pattern =
      "(__libc_)?(malloc|calloc|realloc|reallocarray|memalign)|aligned_alloc|posix_memalign|"
      "p?valloc|(__)?strn?dup|operator new(\\[\\])?|"
      "(std|__gnu_cxx)::(__)?(new_allocator|malloc_allocator|allocator|allocator_traits)<.*>::"
      "allocate";
  return pattern;
}

}  // namespace tidemark
