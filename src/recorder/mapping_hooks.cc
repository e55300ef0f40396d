// mmap and its kin. They make the system call themselves; with TIDEMARK_MMAP=1 the anonymous
// private mappings among them are recorded.
#include <errno.h>

#include "recorder/hooks.h"
#include "recorder/sys.h"

namespace tidemark::recorder {
namespace {

// asm/mman.h; <sys/mman.h> declares the functions below otherwise.
constexpr int kMapPrivate = 0x02, kMapFixed = 0x10, kMapAnonymous = 0x20;
constexpr int kProtWrite = 0x2;

void* ResultOf(long at) {
  if (!Failed(at)) return reinterpret_cast<void*>(at);
  errno = static_cast<int>(-at);
  return reinterpret_cast<void*>(-1);
}

// What is reserved without access is not memory yet, and a file's pages are the file's.
bool IsMemory(int protection, int flags) {
  return (protection & kProtWrite) != 0 &&
         (flags & (kMapPrivate | kMapAnonymous)) == (kMapPrivate | kMapAnonymous);
}

}  // namespace
}  // namespace tidemark::recorder

using namespace tidemark::recorder;  // NOLINT: the hooks below have C's names

TIDEMARK_HOOK void* mmap(void* address, size_t bytes, int protection, int flags, int fd,
                         long offset);
TIDEMARK_HOOK void* mmap(void* address, size_t bytes, int protection, int flags, int fd,
                         long offset) {
  const long at = Syscall(SYS_mmap, Address(address), bytes, static_cast<uint64_t>(protection),
                          static_cast<uint64_t>(flags), static_cast<uint64_t>(fd),
                          static_cast<uint64_t>(offset));
  if (recorder.records_mappings() && !Failed(at)) {
    if ((flags & kMapFixed) != 0) recorder.ForgetMapping(static_cast<uint64_t>(at), bytes);
    if (IsMemory(protection, flags))
      recorder.RecordMapping(static_cast<uint64_t>(at), bytes, TIDEMARK_CALLER);
  }
  return ResultOf(at);
}
TIDEMARK_HOOK void* mmap64(void* address, size_t bytes, int protection, int flags, int fd,
                           long offset);
TIDEMARK_HOOK void* mmap64(void* address, size_t bytes, int protection, int flags, int fd,
                           long offset) {
  return mmap(address, bytes, protection, flags, fd, offset);
}

// Off the record first: once the system has the pages back, another thread may be given them.
TIDEMARK_HOOK int munmap(void* address, size_t bytes);
TIDEMARK_HOOK int munmap(void* address, size_t bytes) {
  if (recorder.records_mappings()) recorder.ForgetMapping(Address(address), bytes);
  const long result = Syscall(SYS_munmap, Address(address), bytes);
  if (!Failed(result)) return 0;
  errno = static_cast<int>(-result);
  return -1;
}

TIDEMARK_HOOK void* mremap(void* old, size_t old_bytes, size_t bytes, int flags, void* address);
TIDEMARK_HOOK void* mremap(void* old, size_t old_bytes, size_t bytes, int flags, void* address) {
  const bool known = recorder.records_mappings() && recorder.ForgetMapping(Address(old), old_bytes);
  const long at = Syscall(SYS_mremap, Address(old), old_bytes, bytes, static_cast<uint64_t>(flags),
                          Address(address));
  if (known) {
    const bool moved = !Failed(at);
    recorder.RecordMapping(moved ? static_cast<uint64_t>(at) : Address(old),
                           moved ? bytes : old_bytes, TIDEMARK_CALLER);
  }
  return ResultOf(at);
}
