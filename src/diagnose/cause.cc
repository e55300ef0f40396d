#include "diagnose/cause.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace tidemark {
namespace {

constexpr std::array<std::string_view, 24> kForeignFunctionPrefixes = {
    "std::",   "__gnu_cxx::", "operator new",   "operator delete", "malloc",     "calloc",
    "realloc", "__libc_",     "posix_memalign", "aligned_alloc",   "memalign",   "__cxa_",
    "_start",  "runtime.",    "runtime/",       "core::",          "alloc::",    "<alloc::",
    "<core::", "<std::",      "strdup",         "__strdup",        "void std::", "boost::"};

// Folders of code that ships with a compiler, a runtime or a package manager.
constexpr std::array<std::string_view, 9> kForeignFolders = {
    "/usr/include/",     "/usr/lib/", "/pkg/mod/",  "/node_modules/", "/site-packages/",
    "/.cargo/registry/", "/rustc/",   "/libstdc++", "/csu/"};

// Go's standard library: the packages whose import path begins with one of these, judged by the
// function's name
// ("net/http.(*conn).serve"), because -trimpath removes the folder.
constexpr std::array<std::string_view, 26> kGoStandardPackages = {
    "bufio.",   "bytes.",  "compress/", "context.", "crypto/", "database/sql", "encoding/",
    "errors.",  "fmt.",    "go/",       "hash/",    "html/",   "io.",          "io/",
    "log.",     "log/",    "maps.",     "math/",    "net.",    "net/",         "os.",
    "reflect.", "slices.", "strconv.",  "strings.", "sync."};

bool IsForeign(const FrameText& frame) {
  const std::string_view function = frame.function, file = frame.file;
  const auto begins = [&](std::string_view prefix) { return function.starts_with(prefix); };
  if (std::any_of(kForeignFunctionPrefixes.begin(), kForeignFunctionPrefixes.end(), begins))
    return true;
  const auto inside = [&](std::string_view folder) { return file.find(folder) != file.npos; };
  if (std::any_of(kForeignFolders.begin(), kForeignFolders.end(), inside)) return true;
  if (file.ends_with(".go")) {
    if (file.find('@') != file.npos)
      return true;  // module@version, as -trimpath writes dependencies
    return std::any_of(kGoStandardPackages.begin(), kGoStandardPackages.end(), begins);
  }
  return function.starts_with("0x");
}

}  // namespace

size_t CauseIndex(const std::vector<FrameText>& frames) {
  const auto own = std::find_if_not(frames.begin(), frames.end(), IsForeign);
  return own == frames.end() ? 0 : static_cast<size_t>(own - frames.begin());
}

}  // namespace tidemark
