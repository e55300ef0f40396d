// Any bytes as an executable: its tables, every global, and types wherever a word could be one.
#include <sys/mman.h>
#include <unistd.h>

#include "goheap/go_executable.h"
#include "goheap/go_global_types.h"
#include "goheap/go_layouts.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tidemark::goheap;
  const int file = memfd_create("executable", MFD_CLOEXEC);
  if (file < 0) return 0;
  if (write(file, data, size) == static_cast<ssize_t>(size)) {
    const auto executable = GoExecutable::Open("/proc/self/fd/" + std::to_string(file));
    if (executable) {
      const GoExecutable& go = **executable;
      GoLayouts layouts(go, 0);
      GoGlobalTypes globals(go, layouts);
      for (const GoGlobal& global : go.globals()) globals.SlotsOf(global.address);
      const uint64_t types = go.Symbol("runtime.types").value_or(0);
      for (uint64_t at = 0; at < 4096; at += 8) {
        layouts.LayoutOf(layouts.Resolved(BehindInterface(types + at)));
        layouts.LayoutOf(PointeeOf(types + at));
      }
    }
  }
  close(file);
  return 0;
}
